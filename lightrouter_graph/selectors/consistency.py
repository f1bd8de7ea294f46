"""Mutual agreement of the boots, without a model call."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from langchain_core.embeddings import Embeddings

from lightrouter_graph.answers import shared_fields
from lightrouter_graph.errors import SelectionError
from lightrouter_graph.failures import redact, secrets_of
from lightrouter_graph.query import Query
from lightrouter_graph.records import Boot
from lightrouter_graph.selectors.base import Scores
from lightrouter_graph.similarity import clean, cosine_similarity, lexical_similarity

Matrix = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class ConsistencySelector:
    """Score each boot by how well it agrees with the others, on average.

    Two boots that both show an answer agree fully or not at all; objects and tool calls agree in the share of their
    fields that are equal, and a tool call with a text not at all. Else their meaning is compared: through `embeddings`
    when given, or lexically (tf-idf over words and numbers), without boilerplate and JSON shells. A boot without
    evidence (nothing but boilerplate, or the question restated) is compared with nobody and gets the mean of the
    others: that it says nothing yet is no reason to rank it last.

    Args:
        embeddings: Any LangChain `Embeddings`; its vectors are compared by cosine.

    Source: arXiv 2505.16221, semantic consistency between preliminary outputs. Deviation: answers, where there are
    any, count before meaning. Consistency of short boots is a weak signal: `similarity.py` has the
    figures, `HybridSelector` an answer. With embeddings it was not measured.
    """

    embeddings: Embeddings | None = None

    async def score(self, query: Query, boots: Sequence[Boot]) -> Scores:
        """Score the boots by their mean agreement with each other, 0 to 1."""
        silent = [not clean(boot["text"], query.text) for boot in boots]
        similarity, notes = await self._compare(query, boots, silent)
        scores = _mean_agreement(_agree_on_answers(similarity, boots, silent, by_field=query.request.wants_object))
        names = [boot["candidate"] for boot in boots]
        return Scores(
            by_candidate=dict(zip(names, scores, strict=True)),
            reasons={name: _reason(boot, score) for name, boot, score in zip(names, boots, scores, strict=True)},
            notes=notes,
            selector="consistency",
        )

    async def _compare(
        self, query: Query, boots: Sequence[Boot], silent: Sequence[bool]
    ) -> tuple[Matrix, dict[str, str]]:
        """Compare the boots' meaning; lexically also when the embeddings model fails."""
        lexical = lexical_similarity([boot["text"] for boot in boots], query.text)
        if self.embeddings is None:
            return lexical, {}
        # Words shared with the question carry meaning too; only a text that is nothing else says nothing.
        told = ["" if mute else clean(boot["text"]) for boot, mute in zip(boots, silent, strict=True)]
        try:
            return await embedding_similarity(told, self.embeddings), {}
        except SelectionError:
            raise
        except Exception as exc:  # noqa: BLE001 - a remote embeddings model may raise anything; words remain
            problem = redact(f"{type(exc).__name__}: {exc}", secrets_of(self.embeddings))
            return lexical, {"fallback": f"the embeddings failed, words were compared: {problem}"}


async def embedding_similarity(texts: Sequence[str], embeddings: Embeddings) -> Matrix:
    """Return the cosine between the embeddings of every pair of texts.

    Args:
        texts: n texts, n >= 0, cleaned before. Empty ones are not sent, since providers refuse them.
        embeddings: Called once, when at least two texts are not empty. Its exceptions propagate.

    Returns:
        (n, n), symmetric, 0 to 1 (a negative cosine counts as 0), diagonal 1; an empty text has 0 with every other.

    Raises:
        SelectionError: If the model returns a wrong number of vectors, ragged, empty or non-finite ones.

    Source: arXiv 2505.16221, semantic consistency between preliminary outputs. Deviation: the paper's summary
    names no embedding; the user's is taken.
    """
    written = [i for i, text in enumerate(texts) if text.strip()]
    similarity = np.eye(len(texts))
    if len(written) > 1:
        vectors = await embeddings.aembed_documents([texts[i] for i in written])
        # In a thread: 64 vectors of 3072 numbers take 10 ms to convert.
        similarity[np.ix_(written, written)] = await asyncio.to_thread(_cosine_of_vectors, vectors, len(written))
    return similarity


def _cosine_of_vectors(vectors: Any, count: int) -> Matrix:
    """Check what an embeddings model returned and compare it."""
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
    return cosine_similarity(rows)


def _lengths(vectors: Any) -> str:
    try:
        return f"lengths {[len(vector) for vector in vectors]}"
    except TypeError:
        return f"a {type(vectors).__name__}"


def _agree_on_answers(similarity: Matrix, boots: Sequence[Boot], silent: Sequence[bool], *, by_field: bool) -> Matrix:
    """Let shown answers decide: 1 where two are equal, 0 where they differ; nan where a boot holds no evidence."""
    agreement = np.array(similarity, dtype=np.float64)
    answers = [boot["answer"] for boot in boots]
    mute = [i for i, answer in enumerate(answers) if answer is None and silent[i]]
    agreement[mute, :] = agreement[:, mute] = np.nan
    calling = [boot["proposal"] is not None for boot in boots]
    for i, one in enumerate(answers):
        for j, other in enumerate(answers):
            if calling[i] != calling[j]:
                agreement[i, j] *= 0.0  # nan stays nan
            elif one is not None and other is not None:
                fields = by_field or calling[i]
                agreement[i, j] = shared_fields(one, other) if fields else float(one == other)
    return agreement


def _mean_agreement(agreement: Matrix) -> list[float]:
    """Average each row without its own diagonal; a row without evidence gets the mean of the others, or one half."""
    others = agreement[~np.eye(len(agreement), dtype=bool)].reshape(len(agreement), -1)
    known = ~np.isnan(others)
    means = [float(row[mask].mean()) if mask.any() else None for row, mask in zip(others, known, strict=True)]
    told = [score for score in means if score is not None]
    neutral = sum(told) / len(told) if told else 0.5
    return [min(1.0, max(0.0, neutral if score is None else score)) for score in means]


def _reason(boot: Boot, score: float) -> str:
    shown = "no answer yet" if boot["answer"] is None else f"answers {boot['answer']}"
    return f"{shown}; agrees {score:.0%} with the others"
