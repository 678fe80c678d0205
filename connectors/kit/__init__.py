"""What the vendor connectors share: HTTP, OAuth, signatures, claims, provisioning."""
