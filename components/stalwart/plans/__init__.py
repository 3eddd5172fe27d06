"""What a server is told: pure functions from the checked arguments to the operations of a plan, a topic a module."""
