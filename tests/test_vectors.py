import asyncio
import re
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from langchain_core.embeddings import Embeddings

import lightrouter_graph
from lightrouter_graph.errors import SelectionError
from lightrouter_graph.vectors import cosine_store, embedding_similarity, nearest


class ScriptedEmbeddings(Embeddings):
    """Returns what it was given, whatever the texts; `asked` keeps the calls."""

    def __init__(self, answer):
        self.answer = answer
        self.asked = []

    def embed_documents(self, texts):
        self.asked.append(list(texts))
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    def embed_query(self, text):
        raise AssertionError


class LetterEmbeddings(Embeddings):
    """Counts of a, b and c."""

    def embed_documents(self, texts):
        return [self.embed_query(text) for text in texts]

    def embed_query(self, text):
        return [float(text.count(letter)) for letter in "abc"]


async def test_cosine_of_every_pair() -> None:
    got = await embedding_similarity(["a", "aaa", "b", "ab"], LetterEmbeddings())
    half = pytest.approx(np.sqrt(0.5), abs=1e-6)
    assert got.tolist() == [[1, 1, 0, half], [1, 1, 0, half], [0, 0, 1, half], [half, half, half, 1]]


async def test_opposite_vectors_are_not_alike_rather_than_negative() -> None:
    got = await embedding_similarity(["x", "y"], ScriptedEmbeddings([[1.0, 0.0], [-1.0, 0.0]]))
    assert got.tolist() == [[1, 0], [0, 1]]


async def test_empty_texts_are_like_nothing_and_are_not_sent() -> None:
    model = ScriptedEmbeddings([[1.0], [2.0]])
    got = await embedding_similarity(["x", "", "y", " \n"], model)
    assert model.asked == [["x", "y"]]
    assert got.tolist() == [[1, 0, 1, 0], [0, 1, 0, 0], [1, 0, 1, 0], [0, 0, 0, 1]]


@pytest.mark.parametrize("texts", [[], ["x"], ["", "x"], ["", ""]])
async def test_nothing_is_asked_when_there_is_no_pair(texts: list[str]) -> None:
    model = ScriptedEmbeddings([])
    assert (await embedding_similarity(texts, model)).tolist() == np.eye(len(texts)).tolist()
    assert model.asked == []


async def test_a_zero_vector_is_like_nothing() -> None:
    got = await embedding_similarity(["x", "y"], ScriptedEmbeddings([[0.0, 0.0], [1.0, 0.0]]))
    assert got.tolist() == [[1, 0], [0, 1]]


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
async def test_unusable_vectors_are_named(answer, named: str) -> None:
    with pytest.raises(SelectionError, match=named):
        await embedding_similarity(["x", "y"], ScriptedEmbeddings(answer))


async def test_an_error_of_the_model_is_the_callers_to_decide() -> None:
    with pytest.raises(ConnectionError, match="no route"):
        await embedding_similarity(["x", "y"], ScriptedEmbeddings(ConnectionError("no route")))


async def test_the_event_loop_goes_on_meanwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    where = []
    store = type(cosine_store([[1.0]], [{}]))
    original = store.similarity_search_with_score_by_vector

    def watched(self, *args, **kwargs):
        where.append(threading.current_thread())
        return original(self, *args, **kwargs)

    monkeypatch.setattr(store, "similarity_search_with_score_by_vector", watched)
    await embedding_similarity(["a", "b"], LetterEmbeddings())
    assert len(where) == 2
    assert threading.current_thread() not in where


vectors = npst.arrays(
    np.float64,
    st.tuples(st.integers(2, 6), st.integers(1, 5)),
    elements=st.floats(allow_nan=False, allow_infinity=False),
)


@given(vectors, st.randoms(use_true_random=False))
def test_similarity_is_symmetric_bounded_and_blind_to_order(rows: np.ndarray, random) -> None:
    def similarity(rows: np.ndarray) -> np.ndarray:
        return asyncio.run(embedding_similarity(["x"] * len(rows), ScriptedEmbeddings(rows.tolist())))

    got = similarity(rows)
    assert np.array_equal(got, got.T)
    assert np.all((got >= 0) & (got <= 1))
    assert np.all(np.diag(got) == 1)
    order = random.sample(range(len(rows)), len(rows))
    np.testing.assert_allclose(similarity(rows[order]), got[np.ix_(order, order)], atol=2e-6)


def test_nearest_gives_payloads_back_best_first() -> None:
    store = cosine_store([[0.0, 5.0], [3.0, 0.0], [-1.0, 0.0]], [{"id": "up"}, {"id": "right"}, {"id": "left"}])
    found = nearest(store, [2.0, 1.0], 2)
    assert [payload["id"] for payload, _ in found] == ["right", "up"]
    assert [cosine for _, cosine in found] == pytest.approx([2 / np.sqrt(5), 1 / np.sqrt(5)], abs=1e-6)
    assert [payload["id"] for payload, _ in nearest(store, [2.0, 1.0], 9)] == ["right", "up", "left"]
    assert nearest(store, [1.0, 0.0], 3)[-1][1] == pytest.approx(-1.0)


def test_a_vector_of_another_model_is_refused() -> None:
    store = cosine_store([[1.0, 0.0]], [{}])
    with pytest.raises(SelectionError, match="length 2, got one of length 3"):
        nearest(store, [1.0, 0.0, 0.0], 1)


def test_a_store_needs_a_payload_for_each_vector() -> None:
    with pytest.raises(SelectionError, match=r"expected 1 vectors.*shape \(2, 1\)"):
        cosine_store([[1.0], [2.0]], [{}])
    with pytest.raises(SelectionError, match="at least one"):
        cosine_store([], [])


def test_the_store_cannot_be_searched_by_text() -> None:
    store = cosine_store([[1.0]], [{}])
    with pytest.raises(SelectionError, match="embed the text first"):
        store.similarity_search("anything")


def test_importing_it_is_lazy_and_using_it_lets_no_warning_out() -> None:
    code = (
        "import sys, lightrouter_graph.similarity\n"
        "from lightrouter_graph.vectors import cosine_store, nearest\n"
        "assert not {'faiss', 'langchain_community'} & set(sys.modules)\n"
        "assert nearest(cosine_store([[2.0]], [{'id': 1}]), [1.0], 1) == [({'id': 1}, 1.0)]\n"
        "assert {'faiss', 'langchain_community'} <= set(sys.modules)\n"
    )
    ran = subprocess.run([sys.executable, "-W", "error", "-c", code], check=True, capture_output=True, text=True)
    assert ran.stderr == ""


def test_only_that_one_warning_is_filtered() -> None:
    code = (
        "import warnings\n"
        "from lightrouter_graph.vectors import cosine_store\n"
        "cosine_store([[1.0]], [{}])\n"
        "for text, kind in [('`langchain-core` is being sunset', DeprecationWarning),\n"
        "                   ('`langchain-community` is being sunset', UserWarning)]:\n"
        "    try:\n"
        "        warnings.warn(text, kind)\n"
        "    except kind:\n"
        "        continue\n"
        "    raise SystemExit('a warning was swallowed')\n"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True)


def test_no_other_module_imports_the_vector_libraries() -> None:
    package = Path(lightrouter_graph.__file__).parent
    imports = re.compile(r"^\s*(?:import|from) (?:faiss|langchain_community)\b", re.MULTILINE)
    importing = [path.name for path in package.rglob("*.py") if imports.search(path.read_text())]
    assert importing == ["vectors.py"]
