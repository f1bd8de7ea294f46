"""Vectors in langchain-community's FAISS store: the one place in the package that imports it, or faiss.

Both are imported at the first use, since they are slow to import and many runs never need a vector.
"""

import asyncio
import warnings
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np
from langchain_core.embeddings import Embeddings
from numpy.typing import ArrayLike, NDArray

from lightrouter_graph.errors import SelectionError

if TYPE_CHECKING:
    from langchain_community.vectorstores import FAISS


async def embedding_similarity(texts: Sequence[str], embeddings: Embeddings) -> NDArray[np.float64]:
    """Cosine between the embeddings of the texts, every pair.

    One call to `embeddings`, without the empty texts, which providers refuse. Its errors are not caught.

    Args:
        texts: n texts, n >= 0. Clean them first: shells and openers are alike whatever the text says.
        embeddings: Any LangChain embeddings model.

    Returns:
        (n, n), symmetric, 0..1 (a negative cosine counts as 0), diagonal 1; an empty text is like no other.

    Raises:
        SelectionError: If the model returns another number of vectors, ragged, empty or non-finite ones.

    Source: arXiv 2505.16221, semantic consistency between preliminary outputs. Deviation: the paper's summary
    names no embedding; the user's is taken.
    """
    written = [i for i, text in enumerate(texts) if text.strip()]
    similarity = np.eye(len(texts))
    if len(written) > 1:
        vectors = await embeddings.aembed_documents([texts[i] for i in written])
        # A thread, since the first use imports faiss, which takes as long as a short model call.
        cosine = await asyncio.to_thread(_cosine_matrix, _checked(vectors, len(written)))
        similarity[np.ix_(written, written)] = cosine
    return similarity


def cosine_store(vectors: ArrayLike, payloads: Sequence[Mapping[str, Any]]) -> "FAISS":
    """A FAISS store in memory that ranks by cosine.

    Args:
        vectors: (n, d), n >= 1, finite; of any length, since they are normalised here.
        payloads: One mapping of JSON values per vector, given back by `nearest`.

    Raises:
        SelectionError: If the vectors are not as above or not as many as the payloads.
    """
    store, strategy = _import_faiss()
    units = _unit_rows(_checked(vectors, len(payloads)))
    return store.from_embeddings(
        [("", unit) for unit in units],
        _VectorsOnly(),
        metadatas=[dict(payload) for payload in payloads],
        distance_strategy=strategy.MAX_INNER_PRODUCT,
    )


def nearest(store: "FAISS", vector: ArrayLike, k: int) -> list[tuple[dict[str, Any], float]]:
    """The payloads of the k >= 1 nearest vectors with their cosine (-1..1), nearest first.

    Raises:
        SelectionError: If `vector` does not have the d finite numbers of the store's vectors.
    """
    unit = _unit_rows(_checked([vector], 1))[0]
    if len(unit) != store.index.d:
        msg = f"the store holds vectors of length {store.index.d}, got one of length {len(unit)}"
        raise SelectionError(msg)
    found = store.similarity_search_with_score_by_vector(unit, k=k)
    return [(document.metadata, float(cosine)) for document, cosine in found]


def _cosine_matrix(vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    n = len(vectors)
    store = cosine_store(vectors, [{"row": row} for row in range(n)])
    cosine = np.zeros((n, n))
    for row, vector in enumerate(vectors):
        for payload, value in nearest(store, vector, n):
            cosine[row, payload["row"]] = value
    np.fill_diagonal(cosine, 1.0)
    # faiss works in float32: what lies below its precision must not break a tie.
    return np.clip(np.round((cosine + cosine.T) / 2, 6), 0.0, 1.0)


def _checked(vectors: Any, count: int) -> NDArray[np.float64]:
    try:
        matrix = np.asarray(vectors, dtype=np.float64)
    except (TypeError, ValueError) as error:
        msg = f"expected {count} vectors of numbers, all of one length, got {_lengths(vectors)}"
        raise SelectionError(msg) from error
    if matrix.ndim != 2 or matrix.shape[0] != count or 0 in matrix.shape:
        msg = f"expected {count} vectors, at least one and none empty, got an array of shape {matrix.shape}"
        raise SelectionError(msg)
    if not np.isfinite(matrix).all():
        bad = np.flatnonzero(~np.isfinite(matrix).all(axis=1)).tolist()
        msg = f"expected finite vectors, got NaN or infinity in number {', '.join(map(str, bad))} of {count}"
        raise SelectionError(msg)
    return matrix


def _lengths(vectors: Any) -> str:
    try:
        return f"lengths {[len(vector) for vector in vectors]}"
    except TypeError:
        return f"a {type(vectors).__name__}"


def _unit_rows(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """Rows of length 1; a zero row stays zero and is thus like no other."""
    peak = np.abs(rows).max(axis=1, keepdims=True)  # divided out first: the squares of large numbers overflow
    scaled = np.divide(rows, peak, out=np.zeros_like(rows), where=peak > 0)
    norms = np.linalg.norm(scaled, axis=1, keepdims=True)
    unit: NDArray[np.float64] = np.divide(scaled, norms, out=scaled, where=norms > 0)
    return unit


class _VectorsOnly(Embeddings):
    """Stands where the store wants an embeddings model: ours is searched by vector."""

    def embed_documents(self, texts: list[str]) -> NoReturn:  # noqa: ARG002
        msg = "this store is searched by vector: embed the text first"
        raise SelectionError(msg)

    def embed_query(self, text: str) -> NoReturn:
        self.embed_documents([text])


def _import_faiss() -> tuple[Any, Any]:
    # Added for good, not within `catch_warnings`: that one swaps the filters of the whole process, and this
    # may be a thread. It names one message, sent once, when langchain-community is first imported.
    warnings.filterwarnings("ignore", "`langchain-community` is being sunset", DeprecationWarning)
    from langchain_community.vectorstores import FAISS  # noqa: PLC0415
    from langchain_community.vectorstores.utils import DistanceStrategy  # noqa: PLC0415

    return FAISS, DistanceStrategy
