"""What the workflows say on GitHub: the comment on a pull request, and the issue of a drift.

Nothing but the standard library: the jobs that may write install nothing, and run nothing that a pull request brought.
"""
