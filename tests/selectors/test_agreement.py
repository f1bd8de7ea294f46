"""Similarity of every pair of texts, by words and by embeddings, and what it is worth on recorded outputs."""

import asyncio
import gzip
import json
import re
import threading
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from langchain_core.embeddings import Embeddings

from lightrouter_graph.errors import SelectionError
from lightrouter_graph.selectors.agreement import embedding_similarity, lexical_similarity

QUESTION = "A shop sells 12 red apples for 3 coins each. How many coins does it take in?"
REPLAY = Path(__file__).parents[3] / "shared" / "replay"

pieces = st.sampled_from(
    ["```json\n", '{"reasoning": "', '"}', "Certainly! ", "12 red apples for 3 coins each ", "36", "苹果"]
)
texts = st.text() | st.lists(pieces | st.text(max_size=4), max_size=20).map("".join)


# -- lexical_similarity


def test_tf_idf_worked_by_hand() -> None:
    # idf of a word in both texts is 1, in one of them log(3 / 2) + 1; a number counts twice.
    alone = np.log(1.5) + 1
    shared = 1.0 + 2.0**2
    lengths = np.sqrt(shared + alone**2) * np.sqrt(shared + (2 * alone) ** 2)
    assert lexical_similarity(["sum 36 red", "sum 36 7"])[0, 1] == pytest.approx(shared / lengths)


def test_the_same_words_are_wholly_alike_and_other_words_not_at_all() -> None:
    got = lexical_similarity(["It is 1,000.", "it is 1000", "nothing in common", "其他"])
    assert got.tolist() == [[1, 1, 0, 0], [1, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]


def test_a_shared_shell_is_no_likeness() -> None:
    shell = 'Certainly!\n```json\n{"reasoning": "'
    assert lexical_similarity([f"{shell}red apples", f"{shell}green pears"])[0, 1] == 0.0


def test_saying_nothing_is_like_nothing_even_itself_elsewhere() -> None:
    boots = ["Certainly!", "Certainly!", QUESTION, QUESTION, "It is 36."]
    assert lexical_similarity(boots, QUESTION).tolist() == np.eye(5).tolist()


def test_the_same_number_weighs_more_than_the_same_word() -> None:
    got = lexical_similarity(["total 36", "sum 36", "total 35"])
    assert got[0, 1] > got[0, 2]


@pytest.mark.parametrize("boots", [[], ["one"], [""]])
def test_fewer_than_two_texts(boots: list[str]) -> None:
    assert lexical_similarity(boots).tolist() == np.eye(len(boots)).tolist()


@given(st.lists(texts, max_size=6), texts, st.randoms(use_true_random=False))
def test_similarity_is_symmetric_bounded_and_blind_to_order(boots: list[str], question: str, random) -> None:
    got = lexical_similarity(boots, question)
    assert got.shape == (len(boots), len(boots))
    assert np.array_equal(got, got.T)
    assert np.all((got >= 0) & (got <= 1))
    assert np.all(np.diag(got) == 1)
    order = random.sample(range(len(boots)), len(boots))
    permuted = lexical_similarity([boots[i] for i in order], question)
    np.testing.assert_allclose(permuted, got[np.ix_(order, order)], atol=1e-11)


# -- embedding_similarity


class ScriptedEmbeddings(Embeddings):
    """Returns or raises what it was given, whatever the texts; `asked` keeps the calls."""

    def __init__(self, answer):
        self.answer = answer
        self.asked = []

    def embed_documents(self, texts):
        self.asked.append(list(texts))
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    def embed_query(self, text):
        raise NotImplementedError


class LetterEmbeddings(Embeddings):
    """Counts of a, b and c."""

    def embed_documents(self, texts):
        return [[float(text.count(letter)) for letter in "abc"] for text in texts]

    def embed_query(self, text):
        raise NotImplementedError


async def test_cosine_of_every_pair():
    got = await embedding_similarity(["a", "aaa", "b", "ab"], LetterEmbeddings())
    half = pytest.approx(np.sqrt(0.5))
    assert got.tolist() == [[1, 1, 0, half], [1, 1, 0, half], [0, 0, 1, half], [half, half, half, 1]]


@pytest.mark.parametrize("vectors", [[[1.0, 0.0], [-1.0, 0.0]], [[0.0, 0.0], [1.0, 0.0]]])
async def test_opposite_vectors_and_zero_vectors_have_similarity_0(vectors):
    got = await embedding_similarity(["x", "y"], ScriptedEmbeddings(vectors))
    assert got.tolist() == [[1, 0], [0, 1]]


async def test_empty_texts_have_similarity_0_and_are_not_sent():
    model = ScriptedEmbeddings([[1.0], [2.0]])
    got = await embedding_similarity(["x", "", "y", " \n"], model)
    assert model.asked == [["x", "y"]]
    assert got.tolist() == [[1, 0, 1, 0], [0, 1, 0, 0], [1, 0, 1, 0], [0, 0, 0, 1]]


@pytest.mark.parametrize("texts", [[], ["x"], ["", "x"], ["", ""]])
async def test_the_embeddings_are_not_called_without_a_pair(texts):
    model = ScriptedEmbeddings([])
    assert (await embedding_similarity(texts, model)).tolist() == np.eye(len(texts)).tolist()
    assert model.asked == []


@pytest.mark.parametrize(
    ("answer", "named"),
    [
        ([[1.0, 2.0]], r"expected 2 vectors.*shape \(1, 2\)"),
        ([[1.0]] * 3, r"expected 2 vectors.*shape \(3, 1\)"),
        ([], r"shape \(0,\)"),
        ([[], []], r"shape \(2, 0\)"),
        ([1.0, 2.0], r"shape \(2,\)"),
        ([[1.0, 2.0], [1.0]], r"lengths \[2, 1\]"),
        ([["one"], ["two"]], r"lengths \[1, 1\]"),
        (None, r"shape \(\)"),
        (object(), "a object"),
        ([[1.0], [float("nan")]], "NaN or infinity in number 1 of 2"),
        ([[float("inf")], [1.0]], "NaN or infinity in number 0 of 2"),
    ],
)
async def test_unusable_vectors_are_named(answer, named):
    with pytest.raises(SelectionError, match=named):
        await embedding_similarity(["x", "y"], ScriptedEmbeddings(answer))


async def test_an_exception_of_the_embeddings_propagates():
    with pytest.raises(ConnectionError, match="no route"):
        await embedding_similarity(["x", "y"], ScriptedEmbeddings(ConnectionError("no route")))


async def test_vectors_are_converted_outside_of_the_event_loop():
    converted_in = []

    class Vectors(list):
        def __array__(self, dtype=None, copy=None):
            converted_in.append(threading.current_thread())
            return np.array(list(self), dtype=dtype)

    await embedding_similarity(["x", "y"], ScriptedEmbeddings(Vectors([[1.0], [2.0]])))
    assert len(converted_in) == 1
    assert threading.current_thread() not in converted_in


VECTORS = npst.arrays(
    np.float64,
    st.tuples(st.integers(2, 6), st.integers(1, 5)),
    elements=st.floats(allow_nan=False, allow_infinity=False),
)


@given(VECTORS, st.randoms(use_true_random=False))
def test_similarity_is_symmetric_bounded_and_independent_of_the_order(rows, random):
    def similarity(rows):
        return asyncio.run(embedding_similarity(["x"] * len(rows), ScriptedEmbeddings(rows.tolist())))

    got = similarity(rows)
    assert np.array_equal(got, got.T)
    assert np.all((got >= 0) & (got <= 1))
    assert np.all(np.diag(got) == 1)
    order = random.sample(range(len(rows)), len(rows))
    np.testing.assert_allclose(similarity(rows[order]), got[np.ix_(order, order)], atol=1e-11)


# -- on recorded outputs

MATH_MID8 = (
    "Qwen2.5-72B-Instruct",
    "Qwen2.5-32B-Instruct",
    "Qwen2.5-7B-Instruct",
    "gpt-4o-mini-2024-07-18",
    "deepseek-v2.5-0908",
    "Meta-Llama-3.1-70B-Instruct",
    "gemini-1.5-flash",
    "gemma-2-27b-it",
)
TOKEN = re.compile(r"[A-Za-z]{1,8}|\d{1,3}|\s*\n+|[^\sA-Za-z\d]{1,2}")


def first_tokens(text: str, count: int) -> str:
    ends = [match.end() for match, _ in zip(TOKEN.finditer(text), range(count), strict=False)]
    return text[: ends[-1]] if ends else ""


def ranks(values: np.ndarray) -> np.ndarray:
    return np.array([(np.sum(values < v) + np.sum(values <= v) - 1) / 2 for v in values])


def spearman(one: np.ndarray, other: np.ndarray) -> float:
    if np.ptp(one) == 0:
        return 0.0
    return float(np.corrcoef(ranks(one), ranks(other))[0, 1])


@pytest.mark.replay
def test_consistency_of_boots_beats_a_random_choice_on_recorded_mathematics() -> None:
    path = REPLAY / "math_l5.jsonl.gz"
    if not path.exists():
        pytest.skip(f"no recorded outputs at {path}")
    correlations, gains = [], []
    for line in gzip.decompress(path.read_bytes()).decode().splitlines():
        row = json.loads(line)
        outputs = [row["outputs"][model] for model in MATH_MID8]
        correct = np.array([output["score"] for output in outputs])
        boots = [first_tokens(output["text"], 200) for output in outputs]
        agreement = lexical_similarity(boots, row["question"]).sum(axis=1).round(9)
        gains.append(correct[agreement == agreement.max()].mean() - correct.mean())
        if np.ptp(correct) > 0:
            correlations.append(spearman(agreement, correct))
    # Measured: .25 and +.105 (standard error .02).
    assert np.mean(correlations) > 0.20
    assert np.mean(gains) > 0.06
