"""Similarity of every pair of texts and agreement of every pair of boots, the matrices of `ConsistencySelector`.

The one module of the core that imports numpy, which takes a tenth of a second: it is loaded at the first ranking.
tf-idf is own code: it is a few lines, and scikit-learn would install scipy.

Consistency is a weak signal, and none in short boots about code. Measured on recorded outputs, pools of 8: Spearman
of a boot's mean similarity with correctness within a question, and accuracy of the best-scored boot above a random one
(standard error .006 to .018). `tests/selectors/test_lexical.py` repeats the last math column.

| pool, random      | boots of 64 (gsm8k 48) | 128 (gsm8k 96) | 200        |
|-------------------|------------------------|----------------|------------|
| math mid, .450    | .18, +.091             | .20, +.076     | .25, +.105 |
| gsm8k weak, .771  | .22, +.072             | .30, +.089     |            |
| gsm8k mid, .916   | .09, +.005             | .20, +.030     |            |
| crux mid, .627    | -.02, -.006            | .06, +.004     | .12, +.028 |

Counting numbers twice gains .02 of Spearman on average. Removing words shared with the question loses .02, so only a
boot without other words is set aside. Cleaning stays within the noise: it exists for pools in which one house style
would otherwise win.
"""

import asyncio
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from langchain_core.embeddings import Embeddings

from lightrouter_graph.answer_keys import shared_fields
from lightrouter_graph.errors import SelectionError
from lightrouter_graph.pool.opinions import opinion_labels, replies_of
from lightrouter_graph.query import Query
from lightrouter_graph.records import Boot
from lightrouter_graph.redaction import redact, secrets_of
from lightrouter_graph.selectors.lexical import clean, evidence

Matrix = npt.NDArray[np.float64]

_NUMBER_WEIGHT = 2.0  # relative to a word: two boots that reach the same number mostly agree


async def mean_agreement(
    query: Query, boots: Sequence[Boot], embeddings: Embeddings | None
) -> tuple[list[float], dict[str, str]]:
    """Return the mean agreement of each boot with the others, 0 to 1, and notes on a fallback.

    Args:
        query: Its text is no evidence; answers may be objects by its request.
        boots: n boots, n >= 2.
        embeddings: Model whose vectors are compared; None, or a model that fails, compares words.

    Raises:
        SelectionError: If the embeddings model returns unusable vectors.
    """
    empty = [not clean(boot["text"], query.text) for boot in boots]
    similarity, notes = await _similarity(query, boots, empty, embeddings)
    labels = opinion_labels(query.pool.opinions, replies_of(boots))
    opinions = [labels.get(boot["candidate"], boot["candidate"]) for boot in boots]
    return _means(_agreement(similarity, boots, empty, by_field=query.request.wants_object), opinions), notes


async def _similarity(
    query: Query, boots: Sequence[Boot], empty: Sequence[bool], embeddings: Embeddings | None
) -> tuple[Matrix, dict[str, str]]:
    lexical = lexical_similarity([boot["text"] for boot in boots], query.text)
    if embeddings is None:
        return lexical, {}
    # Words shared with the question carry meaning; only a text without other words is no evidence.
    texts = ["" if blank else clean(boot["text"]) for boot, blank in zip(boots, empty, strict=True)]
    try:
        return await embedding_similarity(texts, embeddings), {}
    except SelectionError:
        raise
    except Exception as exc:  # noqa: BLE001 - a remote embeddings model may raise anything; words remain
        problem = redact(f"{type(exc).__name__}: {exc}", secrets_of(embeddings))
        return lexical, {"fallback": f"the embeddings failed, words were compared: {problem}"}


def lexical_similarity(texts: Sequence[str], question: str = "") -> Matrix:
    """Return the cosine between the tf-idf vectors of every pair of cleaned texts.

    Args:
        texts: n texts, n >= 0; idf is taken over them, smoothed, so that two are enough.
        question: The question, for `evidence`; "" for no check of restatements.

    Returns:
        (n, n), symmetric, 0 to 1, diagonal 1; a text without evidence has 0 with every other.
    """
    return _cosine_similarity(_tf_idf([evidence(text, question) for text in texts]))


def _cosine_similarity(rows: Matrix) -> Matrix:
    """Return the cosine between every pair of finite rows: 0 for a negative one or a row of zeros, diagonal 1.

    It is rounded to 12 places, so that equal rows tie exactly.
    """
    peaks = np.abs(rows).max(axis=1, keepdims=True, initial=0.0)
    scaled = _divided(rows, peaks)  # squares of large numbers would overflow
    unit = _divided(scaled, np.linalg.norm(scaled, axis=1, keepdims=True))
    cosine: Matrix = np.clip(np.round(unit @ unit.T, 12), 0.0, 1.0)
    np.fill_diagonal(cosine, 1.0)
    return cosine


async def embedding_similarity(texts: Sequence[str], embeddings: Embeddings) -> Matrix:
    """Return the cosine between the embeddings of every pair of texts.

    Args:
        texts: n texts, n >= 0, cleaned before. Empty ones are not sent; providers refuse them.
        embeddings: Called once if at least two texts are not empty. Its exceptions propagate.

    Returns:
        (n, n), symmetric, 0 to 1, diagonal 1; an empty text has 0 with every other.

    Raises:
        SelectionError: If the model returns a wrong number of vectors, ragged, empty or non-finite ones.
    """
    written = [i for i, text in enumerate(texts) if text.strip()]
    similarity = np.eye(len(texts))
    if len(written) > 1:
        vectors = await embeddings.aembed_documents([texts[i] for i in written])
        # In a thread: 64 vectors of 3072 numbers take 10 ms to convert.
        similarity[np.ix_(written, written)] = await asyncio.to_thread(_cosine_of_vectors, vectors, len(written))
    return similarity


def _cosine_of_vectors(vectors: Any, count: int) -> Matrix:
    """Validate the vectors of an embeddings model and compare them."""
    try:
        rows = np.asarray(vectors, dtype=np.float64)
    except (TypeError, ValueError) as error:
        msg = f"expected {count} vectors of numbers, all of one length, got {_lengths(vectors)}"
        raise SelectionError(msg) from error
    if rows.ndim != 2 or len(rows) != count or 0 in rows.shape:
        msg = f"expected {count} vectors, at least one and none empty, got an array of shape {rows.shape}"
        raise SelectionError(msg)
    if not np.isfinite(rows).all():
        bad = np.flatnonzero(~np.isfinite(rows).all(axis=1)).tolist()
        msg = f"expected finite vectors, got NaN or infinity in number {', '.join(map(str, bad))} of {count}"
        raise SelectionError(msg)
    return _cosine_similarity(rows)


def _lengths(vectors: Any) -> str:
    try:
        return f"lengths {[len(vector) for vector in vectors]}"
    except TypeError:
        return f"a {type(vectors).__name__}"


def _agreement(similarity: Matrix, boots: Sequence[Boot], empty: Sequence[bool], *, by_field: bool) -> Matrix:
    """Replace the similarity of two boots with answers by 1 (equal) or 0; nan for a boot without evidence."""
    agreement = np.array(similarity, dtype=np.float64)
    answers = [boot["key"] for boot in boots]
    blank = [i for i, answer in enumerate(answers) if answer is None and empty[i]]
    agreement[blank, :] = agreement[:, blank] = np.nan
    calling = [boot["tool_call_message"] is not None for boot in boots]
    for i, one in enumerate(answers):
        for j, other in enumerate(answers):
            if calling[i] != calling[j]:
                agreement[i, j] *= 0.0  # nan stays nan
            elif one is not None and other is not None:
                fields = by_field or calling[i]
                agreement[i, j] = shared_fields(one, other) if fields else float(one == other)
    return agreement


def _means(agreement: Matrix, opinions: Sequence[str]) -> list[float]:
    """Average each row over the other opinions; a row without evidence gets the mean of the others, or one half."""
    means = [_mean_of_others(row, opinions, own) for row, own in zip(agreement, opinions, strict=True)]
    valid = [score for score in means if score is not None]
    neutral = sum(valid) / len(valid) if valid else 0.5
    return [min(1.0, max(0.0, neutral if score is None else score)) for score in means]


def _mean_of_others(row: Matrix, opinions: Sequence[str], own: str) -> float | None:
    """Average a row over the opinions other than its own, each the mean of its boots; None without evidence."""
    others: dict[str, list[float]] = {}
    for value, opinion in zip(row, opinions, strict=True):
        if opinion != own and not np.isnan(value):
            others.setdefault(opinion, []).append(float(value))
    return float(np.mean([np.mean(values) for values in others.values()])) if others else None


def _tf_idf(counts: Sequence[Counter[str]]) -> Matrix:
    """Return (n, words): term counts times smoothed idf, numbers weighted higher."""
    words = sorted(set().union(*counts))
    column = {word: i for i, word in enumerate(words)}
    tf = np.zeros((len(counts), len(words)))
    for row, count in zip(tf, counts, strict=True):
        row[[column[word] for word in count]] = list(count.values())
    idf = np.log((1 + len(counts)) / (1 + np.count_nonzero(tf, axis=0))) + 1
    weighted: Matrix = tf * idf * [_NUMBER_WEIGHT if word[0].isdecimal() else 1.0 for word in words]
    return weighted


def _divided(rows: Matrix, norms: Matrix) -> Matrix:
    """Divide each row by its norm, except rows of zeros."""
    divided: Matrix = np.divide(rows, norms, out=np.zeros_like(rows), where=norms > 0)
    return divided
