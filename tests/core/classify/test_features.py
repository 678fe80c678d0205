"""Words, pieces and hashed rows are scikit-learn's, bit for bit: a model trained with either reads the other's rows."""

from __future__ import annotations

import subprocess
import sys

import mmh3
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from core.classify.features import SIZE, counts, hashed, pieces_of, read, weights, words_of
from core.classify.text import normalise

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=300)
LONG_WORDS = st.lists(
    st.text(st.characters(categories=["L", "N", "P", "Zs"]), min_size=1, max_size=60), max_size=8
).map(" ".join)


@pytest.fixture(scope="module")
def reference():
    from sklearn.feature_extraction import FeatureHasher
    from sklearn.feature_extraction.text import HashingVectorizer

    words = HashingVectorizer(token_pattern=r"(?u)\b\w+\b", lowercase=False)
    pieces = HashingVectorizer(analyzer="char_wb", ngram_range=(2, 5), lowercase=False)
    hasher = FeatureHasher(SIZE, input_type="string", alternate_sign=False, dtype=np.float32)
    return words.build_analyzer(), pieces.build_analyzer(), hasher


def assert_same(ours, theirs):
    theirs = theirs.tocsr()
    assert type(ours) is type(theirs)
    assert ours.shape == theirs.shape
    for part in ("data", "indices", "indptr"):
        mine, other = getattr(ours, part), getattr(theirs, part)
        assert mine.dtype == other.dtype
        assert mine.tobytes() == other.tobytes()


@given(text=TEXT | LONG_WORDS)
@example(text="")
@example(text="a")
@example(text="a bc def ghij klmno  pqrstu\t\x1c\x1d\x85\u2003\u200b\x0b.")
@example(text="ab" * 2_000)
@example(text="don't wait: 我的订单在哪里 ÄÖÜ 👩‍👩‍👧 \x00")
def test_words_and_pieces_are_the_reference_s_in_its_order(reference, text):
    words, pieces, _ = reference
    for one in (text, normalise(text)):
        assert words_of(one) == words(one)
        assert pieces_of(one) == pieces(one)


@given(rows=st.lists(st.lists(TEXT, max_size=12), min_size=1, max_size=6))
@example(rows=[[]])
@example(rows=[[], ["a", "b", "a"], []])
def test_hashed_rows_are_the_reference_s_bit_for_bit(reference, rows):
    assert_same(hashed(rows), reference[2].transform(rows))


@given(texts=st.lists(TEXT | LONG_WORDS, min_size=1, max_size=5))
def test_counts_of_texts_are_the_reference_s_bit_for_bit(reference, texts):
    clean = [normalise(text) for text in texts]
    for block, analyse in zip(counts([normalise(text) for text in texts]), reference[:2], strict=True):
        theirs = reference[2].transform(map(analyse, clean)).tocsr()
        theirs.data = 1 + np.log(theirs.data)
        assert_same(block, theirs)


def test_the_one_hash_whose_size_is_no_32_bit_number_has_its_column(monkeypatch):
    monkeypatch.setattr(mmh3, "hash", lambda _: -(2**31))
    assert hashed([["any"]]).indices.tolist() == [0]


def test_no_rows_are_a_table_without_rows():
    assert hashed([]).shape == (0, SIZE)


def test_a_message_is_classified_without_scikit_learn_and_scipy_s_statistics():
    code = (
        "import sys\nfrom core.classify.features import counts, weights\n"
        "blocks = counts(['where is my order', 'refund me please'])\nweights(blocks, 2).transform(blocks)\n"
        "print(*sys.modules)\n"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert {"sklearn", "scipy.stats", "scipy.optimize"}.isdisjoint(told.split())


@pytest.mark.parametrize(
    ("text", "share"),
    [
        ("4711 is late", 1.0),
        ("zzqx 4711", 0.0),
        ("4711, https://shop.example/x $5 me@shop.example", 0.0),
        ("", 0.0),
    ],
)
def test_what_stands_for_a_number_or_an_address_is_no_known_word(text, share):
    blocks = counts(read(["order 1234 of me@shop.example is late", "https://shop.example/1 for $20"]))
    assert weights(blocks, 2).known_share(counts(read(["", text, ""]))[0]).tolist() == [0.0, share, 0.0]
