"""`tally`: join the answers and see how far they agree."""

from dataclasses import dataclass
from typing import cast

from lightrouter_graph.answer_keys import AnswerKey
from lightrouter_graph.llm.request import PLAIN, Request
from lightrouter_graph.planning import Planner, answers_update, progress_of, remaining_of
from lightrouter_graph.pool import Pool
from lightrouter_graph.query import query_of
from lightrouter_graph.runtime.run_registry import RunRegistry
from lightrouter_graph.state import State, Update, settings_of
from lightrouter_graph.state_queries import (
    agreement_of,
    counted_answers,
    next_up,
    seconds_left,
    standing_of,
    stop_rule,
    up_next,
)
from lightrouter_graph.telemetry.events import emit_event


@dataclass(frozen=True, slots=True)
class TallyNode:
    """Count the answers at hand, finished boots included, and measure their agreement.

    Deviation from arXiv 2505.16221: the paper has no such step; with `agree` None it changes nothing.
    """

    pool: Pool
    key: AnswerKey
    runs: RunRegistry
    planner: Planner
    request: Request = PLAIN

    async def __call__(self, state: State) -> Update:
        """Return the agreement, and who answers next within the budget; the edge behind sends them."""
        self.runs.end(state["run"])
        deadline = settings_of(state).deadline_s
        late = seconds_left(state["started"], deadline, 1.0) == 0
        agreement = agreement_of(counted_answers(state))
        # What was set aside for the worst case is there again: there may be enough for more now.
        tallied: State = {**state, "late": late, "agreement": agreement, "up": None, "broke": False}
        query = query_of(tallied, self.pool, self.key, self.request, self.runs)
        plan = self.planner.plan_answers(query, remaining_of(state), progress_of(tallied, query), next_up(tallied))
        update = answers_update(plan)
        now = cast("State", {**tallied, **update})
        up = up_next(now)
        emit_event(
            {
                "type": "lightrouter",
                "event": "tallied",
                "layer": state["layer"],
                "agreement": agreement,
                "next_up": up,
                "why": "" if up else stop_rule(now).why(standing_of(now)),
                "notes": update["notes"],
            }
        )
        return {**update, "agreement": agreement, "late": late}
