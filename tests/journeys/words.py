"""What customers say in the journeys."""

ORDER = "Where is my order 4711? It should have arrived last week and the tracking page shows nothing."
DISPUTE = "There is a charge on my credit card that I did not make. I dispute this charge."
NONSENSE = "purple seventeen umbrella the quick moon"
