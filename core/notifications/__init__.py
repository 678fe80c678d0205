"""How our own people hear of a ticket: who is on duty, through which channel, in which words, and who took it."""
