"""What people did afterwards, kept as labels; and what an intent loses when it was wrong too often."""
