"""What Backstop decides and remembers. Names no vendor."""
