"""From template and facts to text: acknowledgments, answers, notes. Jinja, sandboxed, strict about what is missing.

Admins write replies; customers write names and messages. So the sandbox is on, nothing undefined renders as
nothing, and what a customer wrote is never a template.
"""

from __future__ import annotations

import functools
import re
import threading
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from jinja2 import ChoiceLoader, FileSystemLoader, StrictUndefined, TemplateError
from jinja2.sandbox import SandboxedEnvironment

from core.errors import BackstopError
from core.hours import Hours, say
from core.model import Action, AddNote, Decision, Prediction, Reply, Ticket, whole_percent

HERE = Path(__file__).parent / "templates"
SHORT = 300  # characters of the customer's message in a note
WORTH_NAMING = 0.01  # a guess of "0%" only makes the reader wonder
NAME = 40
TOO_SHORT, SURE = 20, 0.9  # of a text's language
LANGUAGES = ("en", "de", "fr", "es", "nl", "it", "pt")


class BrokenTemplate(BackstopError):
    """A template cannot be rendered. The message names file and fault."""

    code = "BS04"


def environment(dirs: Sequence[Path]) -> SandboxedEnvironment:
    """Templates of the admin first, then ours."""
    loaders = [FileSystemLoader([str(d) for d in dirs]), FileSystemLoader(str(HERE))]
    return SandboxedEnvironment(
        loader=ChoiceLoader(loaders),
        undefined=StrictUndefined,
        autoescape=False,  # texts are plain; connectors escape where a vendor wants HTML
        trim_blocks=True,
        lstrip_blocks=True,
    )


def render(env: SandboxedEnvironment, name: str, facts: Mapping[str, Any], language: str = "en") -> str:
    """The template in the customer's language where a translation exists: `reply.de.txt` before `reply.txt`."""
    try:
        return env.select_template(candidates(name, language)).render(**facts).strip()
    except TemplateError as err:
        words = getattr(err, "message", None) or str(err)
        raise BrokenTemplate(f"template {name}: {words}") from err


def candidates(name: str, language: str) -> list[str]:
    """File names to look for, best first."""
    stem, dot, ending = name.rpartition(".")
    stem, ending = (stem, ending) if dot else (name, "txt")
    return [f"{stem}.{language}.{ending}", f"{stem}.{ending}", f"{stem}.en.{ending}"]


def fill(
    env: SandboxedEnvironment,
    actions: Sequence[Action],
    decision: Decision,
    prediction: Prediction,
    ticket: Ticket,
    *,
    words: str,
    promise_at: datetime | None,
    now: datetime,
    hours: Hours,
) -> tuple[Action, ...]:
    """The actions with their texts. Raises BrokenTemplate."""
    language = language_of(words, ticket.customer.locale)
    filled: list[Action] = []
    for action in actions:
        if isinstance(action, Reply):
            facts = _reply_facts(ticket, promise_at, now, hours, language)
            filled.append(replace(action, text=render(env, action.template, facts, language)))
        elif isinstance(action, AddNote):
            facts = _note_facts(action, decision, prediction, words, promise_at, now, hours)
            filled.append(replace(action, text=render(env, action.template, facts)))
        else:
            filled.append(action)
    return tuple(filled)


def _reply_facts(
    ticket: Ticket, promise_at: datetime | None, now: datetime, hours: Hours, language: str
) -> dict[str, Any]:
    """What a message to the customer may use. Nothing the customer wrote but a plausible first name."""
    return {
        "name": first_name(ticket.customer.name),
        "ticket_id": ticket.id,
        "promise": say(promise_at, now, hours, language) if promise_at else "",
        "language": language,
    }


def _note_facts(
    note: AddNote,
    decision: Decision,
    prediction: Prediction,
    words: str,
    promise_at: datetime | None,
    now: datetime,
    hours: Hours,
) -> dict[str, Any]:
    return {
        "intent": prediction.intent,
        "percent": whole_percent(prediction.confidence),
        "message": shortened(words),
        "alternatives": [
            {"intent": g.intent, "percent": whole_percent(g.confidence)}
            for g in prediction.alternatives[:2]
            if g.confidence >= WORTH_NAMING
        ],
        "evidence": prediction.evidence[:5],
        "why": note.facts.get("why", decision.reason),
        "rule": decision.rule,
        "rules_version": decision.rules_version,
        "model": prediction.model,
        "promise": say(promise_at, now, hours, "en") if promise_at else "",
    }


def shortened(words: str) -> str:
    """One line, cut between words."""
    line = re.sub(r"\s+", " ", words).strip()
    return line if len(line) <= SHORT else line[:SHORT].rsplit(" ", 1)[0] + " …"


def first_name(name: str) -> str:
    """A name that may be greeted; an address, a number, markup or a sentence in the name field may not.

    Spam relays put their message into the name: a greeting would carry it to the victim.
    """
    first = name.strip().split(" ")[0] if name else ""
    return first if len(name) <= NAME and re.fullmatch(r"[^\W\d_](?:[^\W\d_]|['’-]){0,24}", first) else ""


_loading = threading.Lock()


@functools.cache
def _identifier() -> Any:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    identifier.set_languages(list(LANGUAGES))
    return identifier


def language_of(words: str, locale: str = "") -> str:
    """The language the customer wrote in; the desk's locale when the text is too short to tell."""
    known = locale[:2].lower() if locale[:2].lower() in LANGUAGES else ""
    if len(words) < TOO_SHORT:
        return known or "en"
    with _loading:  # several threads at once would each load the model
        identifier = _identifier()
    language, probability = identifier.classify(words[:2000])
    return str(language) if probability > SURE else known or "en"
