"""The checks: each module knows one subject, and compares what was heard with what is expected of it."""
