"""Freshdesk, API v2: see README.md beside this file."""
