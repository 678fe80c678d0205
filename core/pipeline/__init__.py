"""The line a ticket follows: stored, looked at, decided, carried out, watched until somebody has it."""
