"""Notify the team about a ticket: who is on duty, by which channel, in which words, and who claimed it."""
