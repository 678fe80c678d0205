"""What Backstop remembers: one row for each event, decision, write and notice; compared with the desk by `audit`."""
