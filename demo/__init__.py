"""The whole product on loopback, with a help desk in memory and a story to watch."""
