"""`python -m doctor`."""

from .cli import main

main()
