"""Embeddings beside words: a tiny ONNX model made here, and everything that may be wrong with a file."""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path

import numpy as np
import pytest

from core.classify.build import embedded_of
from core.classify.cache import load, load_or_fit, save, with_embedder
from core.classify.kernel import MEANING, kernel, solve
from core.classify.linear import fit
from core.classify.meaning import embedder, meaning
from core.errors import ConfigError
from core.settings import Embeddings, Settings

onnx = pytest.importorskip("onnx")
KINDS = {  # words of one meaning have one vector
    "parcel": ("parcel", "package", "shipment", "delivery"),
    "money": ("refund", "reimbursement", "money"),
    "login": ("login", "password", "signin"),
    "hello": ("weather", "lunch", "football"),
}
EXAMPLES = {
    "order": [
        "where is my parcel",
        "the parcel is late",
        "parcel not here",
        "track my parcel",
        "my parcel please",
    ],
    "refund": [
        "i want a refund",
        "refund please",
        "give me the refund",
        "a refund for this",
        "refund my purchase",
    ],
    "login": [
        "my login fails",
        "login does not work",
        "cannot login here",
        "the login is broken",
        "login help",
    ],
}
NOISE = [
    "nice weather today",
    "lunch at noon",
    "who won the football",
    "weather and lunch",
    "football tonight",
]
SAID = sorted(
    {word for lines in (*EXAMPLES.values(), NOISE, ["order"]) for line in lines for word in line.split()}
)
WORDS = list(dict.fromkeys(["[PAD]", "[UNK]", *(word for words in KINDS.values() for word in words), *SAID]))


def tokenizer(place: Path) -> None:
    model = {"type": "WordLevel", "vocab": {word: at for at, word in enumerate(WORDS)}, "unk_token": "[UNK]"}
    words = {
        "version": "1.0",
        "added_tokens": [],
        "normalizer": None,
        "pre_tokenizer": {"type": "Whitespace"},
    }
    words |= {"truncation": None, "padding": None, "post_processor": None, "decoder": None, "model": model}
    place.write_text(json.dumps(words))


def network(place: Path, inputs=("input_ids", "attention_mask"), *, flat: bool = False) -> None:
    """Each word has the vector of its kind; a word of none has hardly any. `flat`: the mean over a text, not its tokens."""
    from onnx import TensorProto, helper, numpy_helper

    table = np.random.default_rng(0).normal(0, 0.05, (len(WORDS), len(KINDS))).astype(np.float32)
    for column, words in enumerate(KINDS.values()):
        table[[WORDS.index(word) for word in words]] = np.eye(len(KINDS), dtype=np.float32)[column]
    nodes = [helper.make_node("Gather", ["table", inputs[0]], ["tokens"])]
    if flat:
        nodes.append(helper.make_node("ReduceMean", ["tokens", "one"], ["found"], keepdims=0))
    else:
        nodes.append(helper.make_node("Identity", ["tokens"], ["found"]))
    taken = [helper.make_tensor_value_info(name, TensorProto.INT64, ["texts", "length"]) for name in inputs]
    shape = ["texts", len(KINDS)] if flat else ["texts", "length", len(KINDS)]
    made = [helper.make_tensor_value_info("found", TensorProto.FLOAT, shape)]
    kept = [numpy_helper.from_array(table, "table"), numpy_helper.from_array(np.array([1]), "one")]
    opset = [helper.make_opsetid("", 18)]
    graph = helper.make_graph(nodes, "tiny", taken, made, kept)
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=9), place)


@pytest.fixture
def section(tmp_path):
    network(tmp_path / "model.onnx")
    tokenizer(tmp_path / "tokenizer.json")
    return of(tmp_path / "model.onnx")


def of(path: Path, **more: str) -> Embeddings:
    return Embeddings(model=str(path), sha256=hashlib.sha256(path.read_bytes()).hexdigest(), **more)


def test_a_word_that_no_example_has_is_understood_by_its_meaning(section):
    asked = ["where is my package", "has the shipment come"]
    plain, meant = fit(EXAMPLES, NOISE), fit(EXAMPLES, NOISE, embed=embedder(section))
    assert plain.guesses(asked[1])[0].intent != "order" or plain.predict(asked[1]).confidence < 0.5
    for text in asked:
        before, after = plain.predict(text), meant.predict(text)
        assert after.intent == "order"
        assert before.intent != "order" or after.confidence > before.confidence


def test_a_negation_is_held_back_with_embeddings_too(section):
    model = fit(EXAMPLES, NOISE, embed=embedder(section))
    found = model.predict("I do not want a refund")
    assert found.confidence < 0.85
    assert "not" in found.unread


def test_held_out_scores_with_meanings_are_those_of_a_model_fitted_without_the_row(section):
    from core.classify.features import counts, weights

    texts = [text for lines in EXAMPLES.values() for text in lines] + NOISE
    labels = np.repeat(np.arange(4), [5, 5, 5, 5])
    blocks = counts(texts)
    rows, vectors = weights(blocks, 15).transform(blocks), meaning(texts, embedder(section)).rows
    held = solve(rows, labels, 4, vectors)
    others = np.arange(len(texts)) != 7
    again = solve(rows[others], labels[others], 4, vectors[others])
    words, meant = (rows[[7]] @ rows[others].T).toarray(), vectors[[7]] @ vectors[others].T
    expected = kernel((1 - MEANING) * words + MEANING * meant) @ again.alpha
    assert np.allclose(held.alone.scores[7], expected[0], atol=1e-3)
    assert [one.shape for one in held.alone.nearest] == [(15, 4), (15, 4)]


def test_what_was_learned_is_kept_and_used_with_its_own_model_alone(section, tmp_path):
    embed = embedder(section)
    model = fit(EXAMPLES, NOISE, embed=embed)
    save(model, tmp_path / "model.npz")
    again = with_embedder(load(tmp_path / "model.npz"), embed)
    asked = "has the shipment come"
    assert again.predict(asked).confidence == pytest.approx(model.predict(asked).confidence, abs=1e-6)
    with pytest.raises(ValueError, match="train again"):
        with_embedder(load(tmp_path / "model.npz"), None)
    other = embedder(section.model_copy(update={"prefix": "query: "}))
    with pytest.raises(ValueError, match="train again"):
        with_embedder(load(tmp_path / "model.npz"), other)


def test_another_model_is_another_cache(section, tmp_path):
    folder = tmp_path / "cache"
    names = {
        load_or_fit(EXAMPLES, NOISE, folder).model,
        load_or_fit(EXAMPLES, NOISE, folder, embed=embedder(section)).model,
    }
    other = embedder(section.model_copy(update={"prefix": "query: "}))
    assert len(names | {load_or_fit(EXAMPLES, NOISE, folder, embed=other).model}) == 3


def test_a_text_is_put_through_the_model_once_and_long_lists_keep_their_order(section):
    embed = embedder(section)
    many = ["parcel", "refund now", "login is broken again"] * 50
    rows = embed(many)
    assert np.allclose(rows[:3], embed(many[:3]), atol=1e-6)
    assert np.allclose(rows, np.tile(rows[:3], (50, 1)), atol=1e-6)
    assert np.allclose(np.linalg.norm(rows, axis=1), 1)


def test_a_model_that_returns_one_row_a_text_is_taken_as_it_is(section, tmp_path):
    network(tmp_path / "flat.onnx", flat=True)
    rows = embedder(of(tmp_path / "flat.onnx"))(["parcel refund", "login"])
    assert np.allclose(np.linalg.norm(rows, axis=1), 1)


def refused(section: Embeddings) -> str:
    with pytest.raises(ConfigError) as caught:
        embedder(section)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_bad_input_names_the_remedy(section, tmp_path, monkeypatch):
    there = Path(section.model)
    assert "give the path" in refused(section.model_copy(update={"model": str(tmp_path / "absent.onnx")}))
    assert "give the path" in refused(section.model_copy(update={"tokenizer": str(tmp_path / "absent.json")}))
    assert section.sha256 in refused(section.model_copy(update={"sha256": ""}))
    (tmp_path / "text.onnx").write_text("no model")
    assert "no ONNX model" in refused(of(tmp_path / "text.onnx", tokenizer=str(tmp_path / "tokenizer.json")))
    assert "tokenizer.json" in refused(section.model_copy(update={"tokenizer": str(there)}))
    network(tmp_path / "image.onnx", ("pixels", "attention_mask"))
    assert "asks for attention_mask, pixels" in refused(of(tmp_path / "image.onnx"))
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    assert "backstop[embeddings]" in refused(section.model_copy(update={"prefix": "x"}))


def test_a_model_that_tells_no_texts_apart_is_refused(tmp_path):
    tokenizer(tmp_path / "tokenizer.json")
    network(tmp_path / "model.onnx")
    words = json.loads((tmp_path / "tokenizer.json").read_text())
    words["model"]["vocab"] = {"[PAD]": 0, "[UNK]": 1}
    (tmp_path / "tokenizer.json").write_text(json.dumps(words))
    assert "no row of numbers" in refused(of(tmp_path / "model.onnx"))


def test_the_configured_model_is_used_in_every_language(section, tmp_path):
    settings = Settings(
        path=tmp_path / "backstop.toml",
        classifier={"cache": str(tmp_path), "embeddings": section.model_dump()},
    )
    found = embedded_of(settings)
    assert found.main.meaning is not None
    assert found.main.meaning.name == embedder(section).name
