"""`tally`: join the answers and see how far they agree."""

from dataclasses import dataclass

from lightrouter_graph.events import tell
from lightrouter_graph.runs import Runs
from lightrouter_graph.standing import (
    agreement_of,
    counted_answers,
    next_up,
    seconds_left,
    standing_of,
    stop_rule,
)
from lightrouter_graph.state import State, Update, settings_of


@dataclass(frozen=True, slots=True)
class TallyStep:
    """Count the answers at hand, finished boots included, and measure their agreement.

    Deviation from arXiv 2505.16221: the paper has no such step; with `agree` None it changes nothing.
    """

    runs: Runs

    async def __call__(self, state: State) -> Update:
        """Return the agreement; the edge behind decides what it means."""
        self.runs.end(state["run"])
        deadline = settings_of(state).deadline_s
        late = seconds_left(state["started"], deadline, 1.0) == 0
        agreement = agreement_of(counted_answers(state))
        now: State = {**state, "late": late, "agreement": agreement}
        up = next_up(now)
        tell(
            {
                "type": "lightrouter",
                "event": "tallied",
                "layer": state["layer"],
                "agreement": agreement,
                "next_up": up,
                "why": "" if up else stop_rule(now).why(standing_of(now)),
            }
        )
        return {"agreement": agreement, "late": late}
