"""`tally`: joins the answers, measures their agreement and selects the candidates to query next."""

import logging
from dataclasses import dataclass

from lightrouter_graph.answer_keys.equivalence import KeyEquivalence, name_groups
from lightrouter_graph.answer_keys.voting import agreement_from, count_opinions
from lightrouter_graph.llm.client import record_calls
from lightrouter_graph.nodes.part_calls import PartError, call_part
from lightrouter_graph.nodes.router import Router
from lightrouter_graph.records import Agreement
from lightrouter_graph.redaction.printable import log_line
from lightrouter_graph.runtime.node_runnable import NodeRun, Update
from lightrouter_graph.state import State
from lightrouter_graph.state_queries import LayerView
from lightrouter_graph.stopping import stop_reason
from lightrouter_graph.telemetry.events import emit_event

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class TallyNode:
    """Measure how far the answers agree, finished boots included.

    Deviation from arXiv 2505.16221: the paper has no such step; with `agree` None it changes nothing.
    """

    router: Router

    async def __call__(self, state: State, run: NodeRun) -> Update:
        """Return the agreement and the candidates that are queried next."""
        view = LayerView(state)
        with record_calls() as call_costs:
            agreement = await self._agreement(view, run)
        update: Update = {
            "deadline_exceeded": view.is_late,
            "agreement": agreement,
            "call_costs": call_costs,
            "budget_exhausted": False,  # reservations for worst cases are released: there may be enough for more now
        }
        update |= self.router.plan_answers(view.after(update), run)
        self._emit(view.after(update), run, update)
        return update

    async def _agreement(self, view: LayerView, run: NodeRun) -> Agreement:
        """Group the answers; keys group them if the equivalence fails."""
        query = self.router.part_query(view, run, "aggregate")
        answers = [view.answers[name] for name in self.router.counted(view, query)]
        try:
            groups = await call_part(view, self.router.equivalence.group(query, answers)) if answers else ()
        except PartError as exc:
            groups = await KeyEquivalence().group(query, answers)
            problem = log_line(str(exc))
            logger.warning("%s.group failed, keys are compared: %s", type(self.router.equivalence).__name__, problem)
        answered = count_opinions((answer["candidate"] for answer in answers), view.opinions)
        return agreement_from(name_groups(groups, answers), answered, view.opinions)

    def _emit(self, view: LayerView, run: NodeRun, update: Update) -> None:
        names, reason = update["next_candidates"], ""
        if not names:
            reason = stop_reason(self.router.stop_rule(view), self.router.query(view, run), view.status).text
        emit_event(
            {
                "type": "lightrouter",
                "event": "tallied",
                "layer": view.state["layer"],
                "agreement": update["agreement"],
                "next_candidates": names,
                "reason": reason,
                "notes": update["notes"],
            }
        )
