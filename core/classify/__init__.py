"""From a customer's message to an intent with a confidence that means what it says."""
