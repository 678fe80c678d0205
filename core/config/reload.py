"""Intents that changed in the file while the process runs: taken up with the next ticket, checked as at the start."""

from __future__ import annotations

from dataclasses import replace

import structlog

from core.app import App
from core.config.checks import refuse
from core.errors import ConfigError
from core.notifications.alerts import alarm_daily
from core.rules import rules_for
from core.settings import load

log = structlog.get_logger(__name__)


def take_up(app: App) -> str:
    """Use the file's `[intents]` if the file changed since the last call. Return why the file is refused, "" if it is not.

    A file that is refused changes nothing and raises an alarm; a file that is away changes nothing. The classifier keeps
    what it learned: the `examples` of an intent, and an intent that has just been added, count from the next start.
    """
    try:
        found = app.settings.path.stat()
    except OSError:
        return ""
    seen = (found.st_mtime_ns, found.st_size, found.st_ino)
    if app.file_seen[0] == seen:
        return app.file_seen[1]
    trouble = _taken(app)
    if trouble:
        log.warning("the changed configuration is refused; the previous one stays in use", why=trouble)
        what = f"the changed configuration is refused, the previous one stays in use: {trouble}"
        alarm_daily(app, "config", "", what, app.clock())
    app.file_seen = (seen, trouble)  # last: where the store takes no alarm, the next ticket tries again
    return trouble


def _taken(app: App) -> str:
    try:
        settings = app.settings.model_copy(update={"intents": load(app.settings.path).intents})
        if settings.intents == app.settings.intents:
            return ""
        refuse(settings, replace(app, settings=settings))
    except ConfigError as err:
        return str(err)
    app.settings = settings
    for name, own in app.desk_settings.items():
        app.rules[name] = rules_for(settings, own, app.demoted)
    log.info("the intents of the changed configuration are in use")
    return ""
