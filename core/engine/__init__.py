"""The durable engine: queued workflows, timers, recovery of dead workers, maintenance. The only package that imports DBOS."""
