"""What keeps many calls at once from storming a provider: lanes with places, pauses and breakers, and a retry budget.

A lane is one provider address with one key, wherever in the process it is called from. Completion takes a place in the
lane of its candidate before each call, and says afterwards how the call went.

Example:
    ```python
    lane = lanes.of(candidate.model, limit=None)
    try:
        async with lane.place(candidate.model_name, patience_s=30) as place:
            try:
                message = await model.ainvoke(prompt)
            except Exception as exc:
                place.note(cause_of(exc), retry_after_s(exc))
                raise
            place.note(None)
    except LaneClosedError as closed:  # nothing was sent
        failure = closed.failure
    ```
"""

from lightrouter_graph.traffic.keys import lane_key
from lightrouter_graph.traffic.lane import Lane
from lightrouter_graph.traffic.place import LaneClosedError, Place
from lightrouter_graph.traffic.registry import Lanes, lanes
from lightrouter_graph.traffic.retries import RETRIED, RetryBudget, backoff_s, worth_retrying
from lightrouter_graph.traffic.retry_after import retry_after_s

__all__ = [
    "RETRIED",
    "Lane",
    "LaneClosedError",
    "Lanes",
    "Place",
    "RetryBudget",
    "backoff_s",
    "lane_key",
    "lanes",
    "retry_after_s",
    "worth_retrying",
]
