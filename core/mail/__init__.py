"""The text of mail: what is seen of it, what is said now, and what was said before."""
