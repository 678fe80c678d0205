"""The receiver and the console for a WSGI server: `gunicorn -c deploy/gunicorn.conf.py deploy.wsgi:application`."""

from __future__ import annotations

from core.settings import load
from core.telemetry.logs import set_up
from core.web.access import check_open
from core.wiring import build
from webhook_app import create_app

set_up()
_app = build(load(), classify=False)
check_open(_app.settings, _app.engine)
application = create_app(_app)
