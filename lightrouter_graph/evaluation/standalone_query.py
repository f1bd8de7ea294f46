"""Builds a `Query` outside of a graph, so that baselines and judges call models through `Query.ask`."""

from collections.abc import Sequence

from langchain_core.messages import AnyMessage

from lightrouter_graph.answer_keys import default_key
from lightrouter_graph.context import Context
from lightrouter_graph.errors import EvaluationError, checked_choices
from lightrouter_graph.pool import Candidate, Pool
from lightrouter_graph.query import Query
from lightrouter_graph.rate_limits import RetryBudget
from lightrouter_graph.records import Stage

_TIMEOUT_S = 600.0
_MAX_RETRIES = 4


@checked_choices(EvaluationError)
def standalone_query(
    candidate: Candidate,
    messages: Sequence[AnyMessage],
    *,
    stage: Stage = "generate",
    settings: Context | None = None,
    timeout_s: float = _TIMEOUT_S,
    stream_internally: bool = False,
) -> Query:
    """Return a query with a pool of one candidate, without a budget and with four retries.

    Each call has a time limit of `timeout_s` seconds; `stream_internally` measures the time to the first token.
    """
    return Query(
        messages=messages,
        pool=Pool([candidate]),
        prior_scores={},
        prior_order=(candidate.name,),
        key=default_key,
        settings=settings or Context(),
        seed=0,
        layer=1,
        final=True,
        seconds=timeout_s,
        stage=stage,
        retries=RetryBudget(_MAX_RETRIES),
        stream_internally=stream_internally,
    )
