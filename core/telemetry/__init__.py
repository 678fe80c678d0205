"""Logs, traces, counters and gauges."""
