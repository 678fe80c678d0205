"""Plan, make, check and remove what Backstop needs in a Zendesk account."""
