"""Gunicorn for the receiver and the console. Where to listen stands in backstop.toml, as for `backstop web`."""

import os

from core.settings import load

_web = load().web

bind = f"{_web.host}:{_web.port}"
worker_class = "gthread"  # the work is waiting for the store, so threads serve better than processes
threads = _web.threads
workers = int(os.environ.get("WEB_CONCURRENCY", "2"))
preload_app = False  # each process opens its own connections to the store
# a heartbeat file on a slow disk looks like a hung worker
worker_tmp_dir = "/dev/shm" if os.path.isdir("/dev/shm") else None  # noqa: S108, PTH112  # nosec B108
timeout = 30
graceful_timeout = 30
keepalive = 75  # longer than the usual proxy's, so that the proxy closes first
limit_request_line = 8190
max_requests = 50_000
max_requests_jitter = 5_000
errorlog = "-"
loglevel = "warning"
