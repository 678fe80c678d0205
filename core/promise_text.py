"""A promise as a person would say it, in the customer's language, with the place whose clock is meant. Pure.

The words are ours; the names of days, months and places are Unicode's, and so is the whole in a language of which we
have no words.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from babel import Locale, UnknownLocaleError
from babel.dates import format_date, format_time, get_timezone_location

from core.hours import Hours


@dataclass(frozen=True)
class Phrases:
    """How one language says it. `zone`: whose clock; `date` is a pattern of Unicode's date formats; `days`: Monday to
    Sunday, where the sentence wants another form than the name."""

    today: str
    tomorrow: str
    day: str
    later: str
    soon: str
    zone: str
    date: str = "EEEE d MMMM"
    days: tuple[str, ...] = ()


LANGUAGES = {
    "en": Phrases(
        "by {time} today",
        "by tomorrow {time}",
        "by {day} {time}",
        "by {date}, {time}",
        "as soon as we can",
        "{city} time",
        "EEEE, d MMMM",
    ),
    "de": Phrases(
        "heute bis {time} Uhr",
        "bis morgen {time} Uhr",
        "bis {day} {time} Uhr",
        "bis {date}, {time} Uhr",
        "so bald wie möglich",
        "Ortszeit {city}",
        "EEEE, d. MMMM",
    ),
    "fr": Phrases(
        "aujourd'hui avant {time}",
        "avant demain {time}",
        "avant {day} {time}",
        "avant le {date} à {time}",
        "dès que possible",
        "heure locale à {city}",
    ),
    "es": Phrases(
        "hoy antes de las {time}",
        "mañana antes de las {time}",
        "el {day} antes de las {time}",
        "el {date} antes de las {time}",
        "lo antes posible",
        "hora de {city}",
        "EEEE d 'de' MMMM",
    ),
    "nl": Phrases(
        "vandaag vóór {time} uur",
        "uiterlijk morgen om {time} uur",
        "uiterlijk {day} om {time} uur",
        "uiterlijk {date} om {time} uur",
        "zo snel mogelijk",
        "tijd in {city}",
    ),
    "it": Phrases(
        "oggi entro le ore {time}",
        "entro domani, ore {time}",
        "entro {day}, ore {time}",
        "entro {date}, ore {time}",
        "il prima possibile",
        "ora di {city}",
    ),
    "pt": Phrases(
        "hoje até às {time}",
        "até amanhã às {time}",
        "até {day} às {time}",
        "até {date} às {time}",
        "o mais rápido possível",
        "hora de {city}",
        "EEEE, d 'de' MMMM",
    ),
    "sv": Phrases(
        "senast i dag kl. {time}",
        "senast i morgon kl. {time}",
        "senast {day} kl. {time}",
        "senast {date} kl. {time}",
        "så snart vi kan",
        "lokal tid i {city}",
        "EEEE 'den' d MMMM",
    ),
    "da": Phrases(
        "senest i dag kl. {time}",
        "senest i morgen kl. {time}",
        "senest {day} kl. {time}",
        "senest {date} kl. {time}",
        "så hurtigt som muligt",
        "lokal tid i {city}",
        "EEEE 'den' d. MMMM",
    ),
    "nb": Phrases(
        "senest i dag kl. {time}",
        "senest i morgen kl. {time}",
        "senest {day} kl. {time}",
        "senest {date} kl. {time}",
        "så snart vi kan",
        "lokal tid i {city}",
        "EEEE d. MMMM",
    ),
    "pl": Phrases(
        "dziś do godz. {time}",
        "jutro do godz. {time}",
        "do {day}, do godz. {time}",
        "do {day}, {date}, do godz. {time}",
        "tak szybko, jak to możliwe",
        "czas lokalny: {city}",
        "d MMMM",
        ("poniedziałku", "wtorku", "środy", "czwartku", "piątku", "soboty", "niedzieli"),
    ),
    "tr": Phrases(
        "bugün saat {time} olmadan",
        "yarın saat {time} olmadan",
        "{day} günü saat {time} olmadan",
        "{date} günü saat {time} olmadan",
        "en kısa sürede",
        "{city} saatiyle",
        "d MMMM EEEE",
    ),
}
_ALSO = {"no": "nb", "nn": "nb"}
WEEK = 7


def say(at: datetime, now: datetime, hours: Hours, language: str = "en") -> str:
    """Return "by 10:30 today (Berlin time)", "by tomorrow 09:15 (…)", "by Monday 11:00 (…)", with the date further
    ahead; a promise already broken is not repeated. English for languages of which Unicode has no dates."""
    tag = language.lower().replace("_", "-").partition("-")[0]
    tag = _ALSO.get(tag, tag)
    if tag not in LANGUAGES and not _has_dates(tag):
        tag = "en"
    phrases = LANGUAGES.get(tag)
    if at <= now:
        return (phrases or LANGUAGES["en"]).soon
    local = _whole_minute(at.astimezone(hours.zone))
    if phrases is None:
        when = f"{format_date(local, 'full', locale=tag)} {format_time(local, 'short', locale=tag)}"
        return f"{when} ({_zone(local, hours, tag, '{city}')})"
    form = _form(phrases, (local.date() - now.astimezone(hours.zone).date()).days)
    said = form.format(
        time=f"{local:%H:%M}",
        day=phrases.days[local.weekday()] if phrases.days else format_date(local, "EEEE", locale=tag),
        date=format_date(local, phrases.date, locale=tag),
    )
    return f"{said} ({_zone(local, hours, tag, phrases.zone)})"


def _form(phrases: Phrases, ahead: int) -> str:
    if ahead <= 0:
        return phrases.today
    if ahead == 1:
        return phrases.tomorrow
    return phrases.day if ahead < WEEK else phrases.later


def _zone(local: datetime, hours: Hours, tag: str, form: str) -> str:
    """Whose clock it is: a city's, which everybody understands; else what the time is ahead of UTC."""
    area, _, _ = hours.timezone.partition("/")
    if area in {"UTC", "GMT", "Zulu", "UCT", "Universal", "Etc"} or "/" not in hours.timezone:
        offset = local.strftime("%z")
        return "UTC" if offset.strip("+-") == "0000" else f"UTC{offset[:3]}:{offset[3:]}"
    city = get_timezone_location(hours.timezone, locale=tag, return_city=True)
    return form.format(city=city.rpartition("/")[2])


def _has_dates(tag: str) -> bool:
    try:
        return bool(Locale.parse(tag).days)
    except (UnknownLocaleError, ValueError):
        return False


def _whole_minute(at: datetime) -> datetime:
    """Rounded up: 10:30:20 is promised as 10:31, never as a minute that we do not mean to keep."""
    return (
        at
        if not at.second and not at.microsecond
        else at.replace(second=0, microsecond=0) + timedelta(minutes=1)
    )
