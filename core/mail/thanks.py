"""Is a reply a mere thank-you or "it works"? Only if nothing else is in it. Pure.

A thank-you is made of nothing but the words that its language's file lists under `[thanks]`: one word that is not among them, a
question mark, a number, and it is a person with something to say. What is missed costs a look of a human; a wrong one would
cost a customer, so no word is listed that a complaint needs ("but", "not", "when", "in advance"), and what customers write about
("parcel", "refund") must stand in a whole phrase that says it is well ("the parcel has arrived"): "thanks, parcel now" asks for it.
"""

from __future__ import annotations

import re
import unicodedata

from core.mail import phrases
from core.mail.machine_words import SAD
from core.mail.phrases import fold

LONGEST = 400  # characters; a longer one says more than thanks
NAMES = 3  # words of a name below the thanks

_GLAD = frozenset("👍👌🙏❤💕💖😊🙂😀😁😃😄😍🥰🎉🥳✅💯👏🤝😘💪🌟⭐☺💚💙💛🧡💜🤗")
_DEVICE = re.compile(
    r"^(sent from|get outlook|sent via|von meinem|gesendet von|envoye de|envoye depuis|enviado desde|enviado do|inviato da|verzonden (vanaf|met)"
    r"|skickat fran|sendt fra|wyslano z|odeslano z|lahetetty|отправлено|надіслано).*$",
    re.MULTILINE,
)
_STOPS = re.compile(r"[?？؟\d@]|https?:|www\.")
_NAME = re.compile(r"[^\W\d_]+(?:['.-][^\W\d_]*)*")


def is_thanks(text: str) -> bool:
    """Whether these words of a customer's only thank or confirm. `text`: the new words, without history."""
    if len(text) > LONGEST or SAD.search(text):
        return False
    folded = _DEVICE.sub("", fold(_without_marks(text))).strip()
    if not folded:
        return any(sign in _GLAD for sign in text)
    if _STOPS.search(folded):
        return False
    return any(_only_thanks(folded, text, code) for code in phrases.languages())


def _without_marks(text: str) -> str:
    """Without emoji and other signs that are no letters and no punctuation."""
    return "".join(
        " " if unicodedata.category(sign) in {"So", "Sk", "Cn"} or sign in "\ufe0f\u200d" else sign
        for sign in text
    )


def _only_thanks(folded: str, text: str, code: str) -> bool:
    """Whether this language's thanks explain every word but a name at the end."""
    found = phrases.thanks(code)
    if found is None or not found[0].search(folded):
        return False
    says, words, unspaced = found
    rest = says.sub(" ", folded)
    if phrases.languages()[code].pattern("topics").search(rest):
        return False
    for word in unspaced:
        rest = rest.replace(word, " ")
    left = [token for token in phrases.tokens(rest) if token not in words]
    return not left or (not unspaced and _signed(left, text))


def _signed(left: list[str], text: str) -> bool:
    """Whether what is left is a name: on a line of its own at the end, or after a greeting, in capitals."""
    if len(left) > NAMES:
        return False
    lines = [line.strip(" ,.!-–—") for line in text.strip().splitlines() if line.strip()]
    last, first = lines[-1], lines[0]
    own = [w for w in _NAME.findall(last) if fold(w).strip(".") in left] if len(lines) > 1 else []
    greeted = [
        w for w in _NAME.findall(first)[:3][1:] if fold(w) in left and w[0].isupper() and not _about(fold(w))
    ]
    closing = _NAME.findall(last)
    named = {fold(w).strip(".") for w in [*own, *greeted] if w[0].isupper() or len(lines) > 1}
    return set(left) <= named and (not own or len(closing) <= NAMES + 1)


def _about(word: str) -> bool:
    """Whether a word is one of those that customers write about, in any language: then it is no name."""
    return any(language.pattern("topics").search(word) for language in phrases.languages().values())
