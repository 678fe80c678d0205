"""The command line, one file a subject; `core.cli` lists them."""
