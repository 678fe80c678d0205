"""Meaning beside words: an embedding model of the admin's, read from an ONNX file, and how alike texts are by it.

Nothing is fetched: the file is given by its path and checked by its hash, and what was checked is what runs. The library is an extra.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from core.classify.courtesy import wish
from core.errors import ConfigError, said_of
from core.sections import Embeddings

Matrix = NDArray[np.float32]
READ = 256  # tokens of one text
BATCH = 64
RECENT = 256  # texts whose vectors are kept: the classifiers of several languages ask for the same ones
EACH_TEXT, EACH_TOKEN = 2, 3  # dimensions of a model's output: texts x numbers, texts x tokens x numbers
TAKEN = {"input_ids", "attention_mask", "token_type_ids"}
EXTRA = (
    'pip install "backstop[embeddings]", or from a checkout: '
    "pip install --no-deps --require-hashes -r requirements/embeddings.lock"
)


class Embedder(Protocol):
    """Turns texts into rows of unit length; the dot product of two says how alike they are."""

    name: str  # another model, tokenizer or prefix has another name

    def __call__(self, texts: Sequence[str]) -> Matrix:
        """Return one row for each text."""


@dataclass(frozen=True)
class Meaning:
    """The examples as an embedding model sees them."""

    name: str  # the embedder's
    centre: Matrix  # what all texts have in common, taken off: some models put every text into one corner
    rows: Matrix  # the examples, of unit length
    embed: Embedder | None = None  # None: as read from a file, before `with_embedder`

    def similar(self, texts: Sequence[str]) -> Matrix:
        """Return how alike each text and each example are (texts x examples, -1 to 1)."""
        if self.embed is None:
            raise ValueError("a classifier that was learned with embeddings is used without its model")
        result: Matrix = _apart(self.embed(texts), self.centre) @ self.rows.T
        return result


def meaning(texts: Sequence[str], embed: Embedder) -> Meaning:
    """Return the texts as the model sees them."""
    vectors = embed(texts)
    centre: Matrix = vectors.mean(axis=0)
    return Meaning(embed.name, centre, _apart(vectors, centre), embed)


def _apart(vectors: Matrix, centre: Matrix) -> Matrix:
    moved = vectors - centre
    result: Matrix = moved / np.maximum(np.linalg.norm(moved, axis=1, keepdims=True), 1e-6)
    return result


class OnnxEmbedder:
    """A sentence embedding model in ONNX's form; its output is averaged over the tokens, unless it is one row a text."""

    def __init__(self, session: Any, tokenizer: Any, prefix: str, name: str) -> None:
        self.name, self._session, self._tokenizer, self._prefix = name, session, tokenizer, prefix
        self._inputs = [one.name for one in session.get_inputs()]
        self._recent: dict[str, Matrix] = {}

    def __call__(self, texts: Sequence[str]) -> Matrix:
        """Return one row of unit length for each text."""
        if len(texts) > BATCH:
            order = np.argsort(
                [len(one) for one in texts], kind="stable"
            )  # texts of one length waste no time
            parts = [order[at : at + BATCH] for at in range(0, len(order), BATCH)]
            found = np.concatenate([self._run([texts[i] for i in part]) for part in parts])
            result: Matrix = found[np.argsort(order)]
            return result
        recent = dict(self._recent)  # other threads may ask meanwhile
        if new := [one for one in dict.fromkeys(texts) if one not in recent]:
            recent |= zip(new, self._run(new), strict=True)
            self._recent = dict(list(recent.items())[-RECENT:])
        return np.array([recent[one] for one in texts], np.float32)

    def _run(self, texts: Sequence[str]) -> Matrix:
        read = self._tokenizer.encode_batch([self._prefix + " ".join(wish(one).split()) for one in texts])
        mask = np.array([one.attention_mask for one in read], np.int64)
        fed = {
            "input_ids": np.array([one.ids for one in read], np.int64),
            "attention_mask": mask,
            "token_type_ids": np.array([one.type_ids for one in read], np.int64),
        }
        found = self._session.run(None, {name: fed[name] for name in self._inputs})[0]
        if found.ndim == EACH_TOKEN:
            found = (found * mask[:, :, None]).sum(axis=1)
        result: Matrix = found / np.maximum(np.linalg.norm(found, axis=1, keepdims=True), 1e-6)
        return result.astype(np.float32)


def embedder(section: Embeddings) -> Embedder | None:
    """Return the configured model, loaded and tried; None where there is none. Raises ConfigError, which names the remedy."""
    return (
        _embedder(section.model, section.sha256, section.tokenizer, section.prefix) if section.model else None
    )


@lru_cache(maxsize=1)
def _embedder(model_path: str, sha256: str, tokenizer_path: str, prefix: str) -> Embedder:
    path = Path(model_path)
    beside = Path(tokenizer_path) if tokenizer_path else path.with_name("tokenizer.json")
    model, words = _file(path, "model"), _file(beside, "tokenizer")
    digest = hashlib.sha256(model).hexdigest()
    if digest != sha256.strip().lower():
        raise ConfigError(
            f"classifier.embeddings.sha256: {path} has the SHA-256 {digest}; if that is the file that you mean, put this there"
        )
    session, tokenizer = _loaded(path, model, beside, words)
    name = hashlib.sha256(b"\0".join((model, words, prefix.encode()))).hexdigest()
    found = OnnxEmbedder(session, tokenizer, prefix, name[:16])
    _tried(found, session, path)
    return found


def _file(path: Path, key: str) -> bytes:
    try:
        return path.read_bytes()
    except OSError as err:
        raise ConfigError(
            f"classifier.embeddings.{key}: {path} cannot be read ({err.strerror}): give the path of the file on this machine"
        ) from err


def _loaded(path: Path, model: bytes, beside: Path, words: bytes) -> tuple[Any, Any]:
    try:
        import onnxruntime
        import tokenizers
    except ImportError as err:
        raise ConfigError(f"classifier.embeddings needs {err.name}: {EXTRA}") from err
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = (
        1  # a message is short: more threads cost twice the time of the processor and win a third
    )
    session = _made(
        lambda: onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"]),
        f"classifier.embeddings.model: {path} is no ONNX model that can be run; weights must be in the same file",
    )
    tokenizer = _made(
        lambda: tokenizers.Tokenizer.from_buffer(words),
        f"classifier.embeddings.tokenizer: {beside} is no tokenizer.json of the tokenizers library",
    )
    tokenizer.enable_truncation(READ)
    padding = tokenizer.padding or {}
    known = next((one for one in ("<pad>", "[PAD]") if tokenizer.token_to_id(one) is not None), "[PAD]")
    tokenizer.enable_padding(
        pad_id=padding.get("pad_id", tokenizer.token_to_id(known) or 0),
        pad_token=padding.get("pad_token", known),
    )
    return session, tokenizer


def _made(make: Callable[[], Any], otherwise: str) -> Any:
    """Return what is made. The libraries raise errors of their own, with pages of text."""
    try:
        return make()
    except Exception as err:
        raise ConfigError(f"{otherwise} ({said_of(err)})") from err


def _tried(found: OnnxEmbedder, session: Any, path: Path) -> None:
    """Raise ConfigError where a model has other inputs or outputs than one for sentences, or does not tell texts apart."""
    inputs = {one.name for one in session.get_inputs()}
    where = f"classifier.embeddings.model: {path}"
    if not {"input_ids"} <= inputs <= TAKEN:
        asked = ", ".join(sorted(inputs))
        raise ConfigError(
            f"{where} asks for {asked}: export a sentence embedding model with input_ids and attention_mask"
        )
    rows = _made(lambda: found(["a", "where is my order, please"]), f"{where} does not run on a text")
    if rows.ndim != EACH_TEXT or not np.isfinite(rows).all() or np.allclose(rows[0], rows[1]):
        raise ConfigError(
            f"{where} returns no row of numbers for each text: export a sentence embedding model"
        )
