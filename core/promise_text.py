"""A promise as a person would say it, in the customer's language. Pure.

The words are ours; the names of days and months are Unicode's.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from babel.dates import format_date

from core.hours import Hours


@dataclass(frozen=True)
class Phrases:
    """How one language says it. `date` is a pattern of Unicode's date formats."""

    today: str
    tomorrow: str
    day: str
    later: str
    soon: str
    date: str = "EEEE d MMMM"


LANGUAGES = {
    "en": Phrases(
        "by {time} today", "by tomorrow {time}", "by {day} {time}", "by {date}, {time}", "as soon as we can", "EEEE, d MMMM"
    ),
    "de": Phrases(
        "heute bis {time} Uhr", "bis morgen {time} Uhr", "bis {day} {time} Uhr", "bis {date}, {time} Uhr",
        "so bald wie möglich", "EEEE, d. MMMM",
    ),
    "fr": Phrases(
        "aujourd'hui avant {time}", "avant demain {time}", "avant {day} {time}", "avant le {date} à {time}", "dès que possible"
    ),
    "es": Phrases(
        "hoy antes de las {time}", "mañana antes de las {time}", "el {day} antes de las {time}",
        "el {date} antes de las {time}", "lo antes posible", "EEEE d 'de' MMMM",
    ),
    "nl": Phrases(
        "vandaag vóór {time} uur", "uiterlijk morgen om {time} uur", "uiterlijk {day} om {time} uur",
        "uiterlijk {date} om {time} uur", "zo snel mogelijk",
    ),
    "it": Phrases(
        "oggi entro le ore {time}", "entro domani, ore {time}", "entro {day}, ore {time}", "entro {date}, ore {time}",
        "il prima possibile",
    ),
    "pt": Phrases(
        "hoje até às {time}", "até amanhã às {time}", "até {day} às {time}", "até {date} às {time}",
        "o mais rápido possível", "EEEE, d 'de' MMMM",
    ),
    "sv": Phrases(
        "senast {time} i dag", "senast i morgon {time}", "senast {day} {time}", "senast {date} {time}", "så snart vi kan"
    ),
    "da": Phrases(
        "senest {time} i dag", "senest i morgen {time}", "senest {day} {time}", "senest {date} {time}",
        "så hurtigt som muligt", "EEEE 'den' d. MMMM",
    ),
    "nb": Phrases(
        "senest {time} i dag", "senest i morgen {time}", "senest {day} {time}", "senest {date} {time}",
        "så snart vi kan", "EEEE d. MMMM",
    ),
}  # fmt: skip
_ALSO = {"no": "nb", "nn": "nb"}
WEEK = 7


def say(at: datetime, now: datetime, hours: Hours, language: str = "en") -> str:
    """ "by 10:30 today", "by tomorrow 09:15", "by Monday 11:00", with the date further ahead; a promise already
    broken is not repeated. English for languages we do not speak."""
    tag = language.lower().replace("_", "-").partition("-")[0]
    tag = _ALSO.get(tag, tag)
    phrases, tag = (LANGUAGES[tag], tag) if tag in LANGUAGES else (LANGUAGES["en"], "en")
    if at <= now:
        return phrases.soon
    local = _whole_minute(at.astimezone(hours.zone))
    ahead = (local.date() - now.astimezone(hours.zone).date()).days
    form = (
        phrases.today
        if ahead <= 0
        else phrases.tomorrow
        if ahead == 1
        else phrases.day
        if ahead < WEEK
        else phrases.later
    )
    return form.format(
        time=f"{local:%H:%M}",
        day=format_date(local, "EEEE", locale=tag),
        date=format_date(local, phrases.date, locale=tag),
    )


def _whole_minute(at: datetime) -> datetime:
    """Rounded up: 10:30:20 is promised as 10:31, never as a minute that we do not mean to keep."""
    return (
        at
        if not at.second and not at.microsecond
        else at.replace(second=0, microsecond=0) + timedelta(minutes=1)
    )
