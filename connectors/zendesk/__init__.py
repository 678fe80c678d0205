"""Zendesk: connector, provisioning, fake and help page."""
