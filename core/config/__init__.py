"""The configuration's files: what may stand in them, and how a page changes them."""
