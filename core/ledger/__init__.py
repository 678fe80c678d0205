"""What Backstop remembers: one row for each fact, decision, write and notice; compared with the desk by `audit`."""
