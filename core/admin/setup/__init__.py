"""Set-up in the browser: what is asked, tried and written, step by step. Without pages: they stand in `core/web/setup`."""
