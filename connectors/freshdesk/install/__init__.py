"""Plan, make, check and remove what Backstop needs in a Freshdesk account."""
