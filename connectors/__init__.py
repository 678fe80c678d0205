"""Everything that speaks to someone else's server."""
