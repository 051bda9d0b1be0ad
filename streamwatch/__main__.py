"""`python -m streamwatch`."""

from streamwatch.cli import main

main()
