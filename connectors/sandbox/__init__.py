"""The local help desk of the demo and the tests: tickets in memory, shown under each vendor's URLs."""
