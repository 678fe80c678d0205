"""The weekly figures: read from the ledger, reckoned with their intervals, drawn, worded and sent."""
