"""A help desk that does not exist, made by following "a help desk" in CONTRIBUTING.md: the least that a vendor's folder needs."""
