"""Mutual agreement of the boots, without a model call."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from langchain_core.embeddings import Embeddings

from lightrouter_graph.query import Query
from lightrouter_graph.records import Boot
from lightrouter_graph.selectors.base import Scores
from lightrouter_graph.similarity import clean, lexical_similarity
from lightrouter_graph.vectors import embedding_similarity

Matrix = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class ConsistencySelector:
    """Score each boot by how well it agrees with the others, on average.

    Two boots that both show an answer agree fully or not at all. Else their meaning is compared: through `embeddings`
    when given, or lexically (tf-idf over words and numbers), without boilerplate and JSON shells. A boot without
    evidence (nothing but boilerplate, or the question restated) is compared with nobody and gets the mean of the
    others: that it says nothing yet is no reason to rank it last.

    Args:
        embeddings: Any LangChain `Embeddings`; vectors are compared through FAISS.

    Source: arXiv 2505.16221, semantic consistency between preliminary outputs. Deviation: answers, where there are
    any, count before meaning. On recorded outputs consistency of short boots is a weak signal, and a negative one for
    open-ended questions: see `HybridSelector`.
    """

    embeddings: Embeddings | None = None

    async def score(self, query: Query, boots: Sequence[Boot]) -> Scores:
        """Score the boots by their mean agreement with each other, 0 to 1."""
        agreement = _agree_on_answers(await self._compare(query, boots), boots)
        scores = _mean_agreement(agreement)
        names = [boot["candidate"] for boot in boots]
        return Scores(
            by_candidate=dict(zip(names, scores, strict=True)),
            reasons={name: _reason(boot, score) for name, boot, score in zip(names, boots, scores, strict=True)},
            selector="consistency",
        )

    async def _compare(self, query: Query, boots: Sequence[Boot]) -> Matrix:
        texts = [boot["text"] for boot in boots]
        if self.embeddings is None:
            return lexical_similarity(texts, query.text)
        # Words shared with the question carry meaning too; only a text that is nothing else says nothing.
        told = [clean(text) if clean(text, query.text) else "" for text in texts]
        return await embedding_similarity(told, self.embeddings)


def _agree_on_answers(similarity: Matrix, boots: Sequence[Boot]) -> Matrix:
    """Let shown answers decide: 1 where two are equal, 0 where they differ; nan where a boot holds no evidence."""
    agreement = np.array(similarity, dtype=np.float64)
    answers = [boot["answer"] for boot in boots]
    silent = [i for i, answer in enumerate(answers) if answer is None and not agreement[i, i] > 0]
    agreement[silent, :] = agreement[:, silent] = np.nan
    for i, one in enumerate(answers):
        for j, other in enumerate(answers):
            if one is not None and other is not None:
                agreement[i, j] = float(one == other)
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
