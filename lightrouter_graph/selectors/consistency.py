"""Mutual agreement of the boots, without a model call."""

from collections.abc import Sequence
from dataclasses import dataclass

from langchain_core.embeddings import Embeddings

from lightrouter_graph.query import Query
from lightrouter_graph.records import Boot
from lightrouter_graph.selectors.base import Scores


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
    any, count before meaning. Consistency of short boots is a weak signal: `agreement.py` has the
    figures, `HybridSelector` an answer. With embeddings it was not measured.
    """

    embeddings: Embeddings | None = None

    async def score(self, query: Query, boots: Sequence[Boot]) -> Scores:
        """Score the boots by their mean agreement with each other, 0 to 1."""
        from lightrouter_graph.selectors.agreement import mean_agreement  # noqa: PLC0415 - imports numpy, which is slow

        scores, notes = await mean_agreement(query, boots, self.embeddings)
        names = [boot["candidate"] for boot in boots]
        return Scores(
            by_candidate=dict(zip(names, scores, strict=True)),
            reasons={name: _reason(boot, score) for name, boot, score in zip(names, boots, scores, strict=True)},
            notes=notes,
            selector="consistency",
        )


def _reason(boot: Boot, score: float) -> str:
    shown = "no answer yet" if boot["answer"] is None else f"answers {boot['answer']}"
    return f"{shown}; agrees {score:.0%} with the others"
