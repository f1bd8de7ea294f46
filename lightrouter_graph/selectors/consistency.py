"""Mutual agreement of the boots, without a model call."""

from collections.abc import Sequence
from dataclasses import dataclass

from langchain_core.embeddings import Embeddings

from lightrouter_graph.query import Query
from lightrouter_graph.records import Boot
from lightrouter_graph.selectors.base import Scores


@dataclass(frozen=True, slots=True)
class ConsistencySelector:
    """Score each boot by its mean agreement with the others.

    Two boots that both contain an answer agree fully or not at all. Objects and tool calls agree in the share of equal
    fields; a tool call and a text do not agree. Other boots are compared by their text: with `embeddings` if given,
    else lexically (tf-idf over words and numbers), without boilerplate and JSON shells. A boot without evidence (only
    boilerplate, or the question restated) gets the mean score of the others.

    Args:
        embeddings: Any LangChain `Embeddings`; its vectors are compared by cosine.

    Source: arXiv 2505.16221, semantic consistency between preliminary outputs. Deviation: answers, if there are any,
    count before meaning, and words replace embeddings, of which the paper names none. Consistency of short boots is a
    weak signal (figures in `agreement.py`); `HybridSelector` adds the prior. It was not measured with embeddings.
    """

    embeddings: Embeddings | None = None

    async def score(self, query: Query, boots: Sequence[Boot]) -> Scores:
        """Score the boots by their mean agreement with each other, 0 to 1.

        Args:
            query: The query; words of its question are no evidence.
            boots: Boots in prior order, at least two.
        """
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
    answer = "no answer yet" if boot["key"] is None else f"answers {boot['key']}"
    return f"{answer}; agrees {score:.0%} with the others"
