"""Letters that are seen, and those that are not."""

from __future__ import annotations

import re

_NEWLINES = re.compile(r"\r\n|[\r\x0b\x0c\x85\u2028\u2029]")
_JOINED_SCRIPTS = "\u0590-\u18af\ua800-\uabff\ufb1d-\ufdcf\ufdf0-\ufdff\ufe70-\ufefc"
_PICTURES = "\u00a9\u00ae\u200d\u20e3\u2100-\u2bff\u3030\u303d\u3297\u3299\ufe0f\U0001f000-\U0001faff"
_JOINER = re.compile(
    # ZWNJ and ZWJ spell words in Persian and in Indian scripts, and ZWJ joins emoji; elsewhere they hide.
    rf"(?:(?<![{_JOINED_SCRIPTS}])\u200c|\u200c(?![{_JOINED_SCRIPTS}])"
    rf"|(?<![{_JOINED_SCRIPTS}{_PICTURES}])\u200d|\u200d(?![{_JOINED_SCRIPTS}{_PICTURES}]))+"
)
_TAGS = re.compile(r"(?<![\U0001f3f4\U000e0020-\U000e007f])[\U000e0020-\U000e007f]+")  # else a flag's own
_UNSEEN = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f"  # controls
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180e\u3164\uffa0"  # soft hyphen, fillers
    "\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"  # zero width, directions, annotations
    "\ufdd0-\ufdef\ufffe\uffff\U000e0000-\U000e001f\U0001d173-\U0001d17a]+"  # no characters at all
)


def clean(text: str) -> str:
    """Return text that can be stored and shown: no lone surrogates, controls, direction or filler characters;
    every line end is a line feed. Joiners stay where they are spelling (Persian, Indian scripts, emoji)."""
    valid = text.encode("utf-8", "replace").decode("utf-8")
    return _JOINER.sub("", _TAGS.sub("", _UNSEEN.sub("", _NEWLINES.sub("\n", valid))))
