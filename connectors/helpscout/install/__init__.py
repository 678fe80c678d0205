"""Plan, make, check and remove what Backstop needs in a Help Scout account."""
