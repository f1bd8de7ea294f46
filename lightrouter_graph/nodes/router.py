"""`Router`: the parts and settings that all nodes of one graph share."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from lightrouter_graph.aggregators import Aggregator
from lightrouter_graph.answer_keys import AnswerKey
from lightrouter_graph.answer_keys.equivalence import Equivalence
from lightrouter_graph.budget.reservations import BudgetReservations
from lightrouter_graph.context import Context
from lightrouter_graph.llm.boot_cache import BootCache
from lightrouter_graph.llm.request import PLAIN, Request
from lightrouter_graph.planning.planner import Planner, progress_of, remaining_of
from lightrouter_graph.pool import Pool
from lightrouter_graph.priors import Memory, Prior
from lightrouter_graph.query import Query
from lightrouter_graph.records import Stage
from lightrouter_graph.runtime.node_runnable import NodeRun, Update
from lightrouter_graph.runtime.run_scope import REQUEST_KEY, THREAD_KEY
from lightrouter_graph.selectors import Selector
from lightrouter_graph.state_queries import LayerView
from lightrouter_graph.stopping import StopRule, counted, next_candidates, rule_for


@dataclass(frozen=True, slots=True)
class Router:
    """The parts and settings of one graph. Immutable; every node has the same.

    Attributes:
        pool: The candidates.
        selectors: Selectors by the names that `Context.selector` may have.
        aggregators: Aggregators by the names that `Context.aggregator` may have.
        prior: Scores the candidates before they boot.
        stop: Stop rule; None for the one that the settings describe.
        equivalence: Groups equal answers.
        key: Returns the comparable short answer of a text.
        planner: Fits a run into its budget.
        context: Settings of the graph; those of a run are laid over them.
        request: Tools and answer format of the graph.
        memory: Receives the decision record of each run; None for none.
        boot_cache: Cache of boots; None for none.
    """

    pool: Pool
    selectors: Mapping[str, Selector]
    aggregators: Mapping[str, Aggregator]
    prior: Prior
    stop: StopRule | None
    equivalence: Equivalence
    key: AnswerKey
    planner: Planner
    context: Context
    request: Request = PLAIN
    memory: Memory | None = None
    boot_cache: BootCache | None = None

    def query(self, view: LayerView, run: NodeRun, **changes: Any) -> Query:
        """Return the query of the current layer.

        Args:
            view: The current layer.
            run: The execution of the node.
            **changes: Other fields of `Query`, such as `stage`.
        """
        state, settings = view.state, view.settings
        user = run.configured("user_id") or run.configured("langgraph_auth_user_id")
        thread = run.configured(THREAD_KEY) or run.configured("thread_id")
        query = Query(
            messages=view.messages,
            pool=self.pool,
            prior_scores=state["prior_scores"],
            prior_order=state["prior_order"],
            key=self.key,
            settings=settings,
            seed=state["seed"],
            layer=state["layer"],
            final=not view.is_inner,
            seconds=view.seconds_left(settings.calls.timeout_s),
            request=self.request_of(run),
            deadline=view.ends_at,
            store=run.store,
            thread_id=None if thread is None else str(thread),
            user_id=None if user is None else str(user),
            retries=run.scope.retries(settings.calls.max_retries),
            run=run,
        )
        return replace(query, **changes) if changes else query

    def part_query(self, view: LayerView, run: NodeRun, stage: Stage) -> Query:
        """Return the query of a part that no plan limits: its calls may use all of the remaining budget.

        Args:
            view: The current layer.
            run: The execution of the node.
            stage: Stage that its calls are billed to.
        """
        query = self.query(view, run, stage=stage)
        progress = progress_of(view, query)
        reservations = BudgetReservations(remaining_of(view).allowance, progress.bound, progress.run)
        return replace(query, reservations=reservations)

    def request_of(self, run: NodeRun) -> Request:
        """Return the tools and the answer format of a run: those of a chat model's call, else those of the graph.

        Args:
            run: The execution of a node.
        """
        given = run.configured(REQUEST_KEY)
        return given if isinstance(given, Request) else self.request

    def stop_rule(self, view: LayerView) -> StopRule:
        """Return the stop rule of a run.

        Args:
            view: The current layer.
        """
        return self.stop or rule_for(view.settings)

    def plan_answers(self, view: LayerView, run: NodeRun, notes: Sequence[str] = ()) -> Update:
        """Select the candidates that answer in full next, within the budget.

        Args:
            view: The current layer.
            run: The execution of the node.
            notes: Notes that come before those of the plan.

        Returns:
            Update of `next_candidates` and of what the budget allows them.
        """
        query = self.query(view, run)
        settled = view.is_settled and self.stop is None  # an own rule decides for itself what suffices
        names = [] if settled else next_candidates(self.stop_rule(view), query, view.status)
        plan = self.planner.plan_answers(query, remaining_of(view), progress_of(view, query), names)
        return {**plan.answers_update(), "notes": [*notes, *plan.notes]}

    def counted(self, view: LayerView, query: Query) -> list[str]:
        """Return the candidates to merge, best first.

        Args:
            view: The current layer.
            query: The query of the layer.
        """
        return counted(self.stop_rule(view), query, view.status)
