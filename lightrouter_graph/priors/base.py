"""`Prior` protocol: scores the candidates for a query before any model is called."""

import logging
from collections.abc import Iterable, Mapping
from inspect import Parameter, signature
from typing import Any, Protocol

from langgraph.errors import GraphBubbleUp

from lightrouter_graph.errors import SelectionError, warn_deprecated
from lightrouter_graph.pool import Pool
from lightrouter_graph.pool.opinions import opinion_labels
from lightrouter_graph.query import Query
from lightrouter_graph.redaction import redact
from lightrouter_graph.redaction.printable import log_line

logger = logging.getLogger(__name__)


class Prior(Protocol):
    """Scores the candidates for a query before they boot.

    Candidates boot in the order of their scores, ties in pool order. The score is also the weight of a candidate's
    vote. A prior may read `query.store` and call models with `query.ask`. It may have one more method,
    `async observe(query, decision)`, which receives the decision record of each run that has answered.
    """

    async def score(self, query: Query) -> Mapping[str, float]:
        """Return a score from 0 to 1 by name for each candidate that may take part; an absent one takes no part.

        Args:
            query: The query, with the pool and without prior scores.
        """
        ...


class Memory(Prior, Protocol):
    """A prior that learns from the decision records of earlier runs."""

    async def observe(self, query: Query, decision: Mapping[str, Any]) -> None:
        """Read the decision record of a run that has answered; called once per run, before the answer is returned.

        Args:
            query: The query of the run.
            decision: The decision record, as in the metadata of the answer.
        """
        ...


async def observe(parts: Iterable[Any], query: Query, decision: Mapping[str, Any]) -> None:
    """Pass the decision record of a run to the parts that have the method `observe`, once each.

    The answer exists and is paid for: an exception of a part is logged, not raised.

    Args:
        parts: Priors and memories; the same object may appear twice.
        query: The query.
        decision: The decision record.
    """
    for part in {id(part): part for part in parts if hasattr(part, "observe")}.values():
        try:
            await part.observe(query, decision)
        except GraphBubbleUp:
            raise
        except Exception as exc:  # noqa: BLE001 - see above
            problem = log_line(redact(f"{type(exc).__name__}: {exc}"))
            logger.warning("%s.observe failed: %s", type(part).__name__, problem)


async def score_candidates(prior: Prior, query: Query) -> dict[str, float]:
    """Return the scores of a `prior`, of version 0.1 as well, as plain floats; the `query` has no prior scores yet.

    Args:
        prior: The prior; an old one takes the messages and the pool.
        query: The query, with the pool.
    """
    old: Any = prior
    scores = await (old.score(query.messages, query.pool) if _takes_messages(prior) else prior.score(query))
    if not isinstance(scores, Mapping):
        msg = f"{type(prior).__name__}.score returned {type(scores).__name__}, expected a score by candidate"
        raise SelectionError(msg)
    return {name: float(score) for name, score in scores.items()}


def _takes_messages(prior: Prior) -> bool:
    """Return True for a prior with the signature of version 0.1: `score(messages, pool)`."""
    positional = {Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD}
    required = [p for p in signature(prior.score).parameters.values() if p.kind in positional and p.default is p.empty]
    return len(required) == 2


def warn_if_old(prior: Prior) -> None:
    """Warn about a `prior` with the signature of version 0.1.

    Args:
        prior: Any prior; others than old ones cause no warning.
    """
    if _takes_messages(prior):
        warn_deprecated(f"{type(prior).__name__}.score(messages, pool)", "async def score(self, query)")


def in_prior_order(scores: Mapping[str, float], pool: Pool) -> list[str]:
    """Order the candidates by their prior score, highest first, ties in pool order.

    A candidate whose opinion an earlier one has, such as the same model at another address, comes after all others.

    Args:
        scores: Score by name, 0 to 1; candidates without a score are left out.
        pool: The pool.

    Raises:
        SelectionError: If a name is not in the pool, a score is outside 0 to 1, or there is no score.
    """
    for name, score in scores.items():
        if name not in pool.names or not 0 <= score <= 1:
            msg = f"the prior returned {score!r} for {name!r}; it must score candidates of {pool.names} from 0 to 1"
            raise SelectionError(msg)
    if not scores:
        msg = "the prior returned no score; it must score at least one candidate"
        raise SelectionError(msg)
    ordered = sorted((name for name in pool.names if name in scores), key=lambda name: -scores[name])
    opinions = opinion_labels(pool.opinions)
    labels = [opinions.get(name, name) for name in ordered]
    repeated = {
        name: labels.index(label) < place for place, (name, label) in enumerate(zip(ordered, labels, strict=True))
    }
    return sorted(ordered, key=repeated.__getitem__)
