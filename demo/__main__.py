"""`python -m demo`."""

from demo.run import command

command()
