"""Set-up in the browser: what is asked, tried and written, step by step. The pages are in `pages`."""
