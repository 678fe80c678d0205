"""What Backstop decides and remembers. Names no vendor."""

__version__ = "0.1.0"
