"""Past messages decided again by the present configuration: a back-test of a desk, and "what if" over the ledger."""
