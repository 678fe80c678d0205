"""What an HTML mail's styles hide from its reader. Only what hides text is read, of style attributes and plain rules."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

Colour = tuple[int, int, int]
WHITE: Colour = (255, 255, 255)
ALIKE = 8  # of 255: colours that differ less in every part cannot be told apart
FAINT = 0.05
TINY = 1.0  # a letter of one pixel cannot be read
_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
_MEDIA = re.compile(r"@[^{};]*\{(?:[^{}]*\{[^{}]*\})*[^{}]*\}|@[^{};]*;")
_RULE = re.compile(r"([^{}]+)\{([^{}]*)\}")
_SELECTOR = re.compile(r"^([a-z][a-z0-9]*)?(?:([.#])([\w-]+))?$", re.IGNORECASE)
_SIZE = re.compile(r"^(\d*\.?\d+)\s*(px|pt|em|rem|%|ex|cm|mm|in)?$")
_HEX = re.compile(r"#([0-9a-f]{3,8})\b", re.IGNORECASE)
_RGB = re.compile(r"rgba?\(\s*(\d+)[\s,]+(\d+)[\s,]+(\d+)(?:[\s,/]+([\d.]+)(%?))?\s*\)", re.IGNORECASE)
_NAMES: dict[str, Colour] = {
    "white": WHITE,
    "black": (0, 0, 0),
    "snow": (255, 250, 250),
    "whitesmoke": (245, 245, 245),
}
_NAME = re.compile(r"\b(white|black|snow|whitesmoke)\b", re.IGNORECASE)
_COLOURED = frozenset(("body", "table", "tbody", "tr", "td", "th", "font", "div"))
_FAR = re.compile(r"^-\d{3,}")

Declarations = dict[str, str]


@dataclass(frozen=True)
class Seen:
    """How text is seen at a place; None as a colour: not known, so never taken for hidden."""

    colour: Colour | None = (0, 0, 0)
    ground: Colour | None = WHITE
    tiny: bool = False
    invisible: bool = False

    @property
    def hidden(self) -> bool:
        """Whether nobody can read text here."""
        return self.tiny or self.invisible or _alike(self.colour, self.ground)


def sheet(texts: Sequence[str]) -> dict[str, Declarations]:
    """Return the rules of style elements for one tag, class or id each; conditional ones (@media) are left out."""
    rules: dict[str, Declarations] = {}
    for text in texts:
        plain = _MEDIA.sub(" ", _COMMENT.sub(" ", text[:100_000]).replace("<!--", " ").replace("-->", " "))
        for selectors, body in _RULE.findall(plain):
            for selector in selectors.split(","):
                if _SELECTOR.match(selector.strip()):
                    rules.setdefault(selector.strip().lower(), {}).update(declarations(body))
    return rules


def declarations(style: str) -> Declarations:
    """Return the properties of a style attribute, "!important" left off."""
    pairs = (part.partition(":") for part in style.split(";"))
    return {
        name.strip().lower(): value.replace("!important", "")
        .strip()
        .lower()
        .replace("! important", "")
        .strip()
        for name, _, value in pairs
        if value.strip()
    }


def style_of(element: Any, rules: Mapping[str, Declarations]) -> Declarations:
    """Return what applies to an element: rules first, then old attributes, then its own style."""
    found: Declarations = {}
    for name in _selectors(element):
        found.update(rules.get(name, {}))
    for attribute, prop in (("bgcolor", "background-color"), ("color", "color"), ("text", "color")):
        if element.get(attribute) and element.tag in _COLOURED:
            found[prop] = element.get(attribute).lower()
    if "hidden" in element.attrib:
        found["display"] = "none"
    return found | declarations(element.get("style") or "")


def drops(style: Declarations) -> bool:
    """Whether the element and all in it is not shown."""
    if style.get("display") == "none" or style.get("mso-hide") == "all" or _flat(style.get("max-height", "")):
        return True
    if _number(style.get("opacity", "1").rstrip("%"), 1.0) < FAINT:
        return True
    clipped = "hidden" in style.get("overflow", "") or "hidden" in style.get("overflow-y", "")
    if clipped and any(_flat(style.get(side, "")) for side in ("height", "width", "max-width")):
        return True
    if any(_FAR.match(style.get(name, "")) for name in ("text-indent", "left", "top", "margin-left")):
        return True
    if style.get("clip-path", "").startswith("inset(100%") or "scale(0)" in style.get("transform", ""):
        return True
    return style.get("clip", "").replace(" ", "").startswith(("rect(0,0,0,0", "rect(0px,0px,0px,0px"))


def seen_in(style: Declarations, around: Seen) -> Seen:
    """Return how text in an element is seen, given how it is seen around it."""
    here = around
    if style.get("font", "").startswith(("0 ", "0/", "0px")):
        here = replace(here, tiny=True)
    if "font-size" in style:
        size = _size(style["font-size"])
        relative = style["font-size"].endswith(("em", "%"))
        here = replace(here, tiny=size == 0 or (size <= TINY and not relative) or (relative and around.tiny))
    if "visibility" in style:
        here = replace(here, invisible=style["visibility"] in {"hidden", "collapse"})
    if "color" in style and style["color"] != "inherit":
        here = replace(
            here, colour=_colour(style["color"]), invisible=here.invisible or _clear(style["color"])
        )
    for name in ("background", "background-color", "background-image"):
        if name in style and style[name] not in {"none", "inherit", "transparent", "initial"}:
            here = replace(
                here,
                ground=None if "url(" in style[name] or "gradient" in style[name] else _colour(style[name]),
            )
    return here


def _selectors(element: Any) -> Iterator[str]:
    tag = element.tag.lower()
    yield tag
    for name in (element.get("class") or "").lower().split():
        yield f".{name}"
        yield f"{tag}.{name}"
    if element.get("id"):
        yield f"#{element.get('id').lower()}"
        yield f"{tag}#{element.get('id').lower()}"


def _size(value: str) -> float:
    """A length as a number in its own unit; 1 em is never tiny; what is no length is large."""
    match = _SIZE.match(value.strip())
    return float(match.group(1)) if match else 100.0


def _flat(value: str) -> bool:
    """Whether a length is nothing, or a pixel."""
    return _size(value) == 0 or (_size(value) <= TINY and value.endswith(("px", "pt")))


def _number(value: str, default: float) -> float:
    try:
        return float(value)
    except ValueError:
        return default


def _clear(value: str) -> bool:
    rgb = _RGB.search(value)
    return value == "transparent" or bool(rgb and rgb.group(4) and float(rgb.group(4)) < FAINT)


def _colour(value: str) -> Colour | None:
    """The colour in a value; None when it has none that is known here."""
    rgb, hexed, named = _RGB.search(value), _HEX.search(value), _NAME.search(value)
    if rgb:
        return int(rgb.group(1)), int(rgb.group(2)), int(rgb.group(3))
    if hexed:
        digits = hexed.group(1)
        digits = "".join(2 * c for c in digits[:3]) if len(digits) in {3, 4} else digits.ljust(6, "0")
        return int(digits[:2], 16), int(digits[2:4], 16), int(digits[4:6], 16)
    return _NAMES[named.group(1).lower()] if named else None


def _alike(one: Colour | None, other: Colour | None) -> bool:
    return (
        one is not None
        and other is not None
        and all(abs(a - b) < ALIKE for a, b in zip(one, other, strict=True))
    )
