"""`select`: compare the boots, rank them, drop the weak."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lightrouter_graph.answers import AnswerKey
from lightrouter_graph.errors import SelectionError
from lightrouter_graph.events import tell
from lightrouter_graph.pool import Pool
from lightrouter_graph.query import Query, query_of
from lightrouter_graph.races import Races
from lightrouter_graph.records import Boot, Ranking
from lightrouter_graph.request import PLAIN, Request
from lightrouter_graph.selectors import ConsistencySelector, Scores, Selector
from lightrouter_graph.selectors.base import rank
from lightrouter_graph.standing import bound_by_deadline, dropped, going_on, is_settled, seconds_left, survivors
from lightrouter_graph.state import State, Update
from lightrouter_graph.tracing import note_ranking


@dataclass(frozen=True, slots=True)
class SelectStep:
    """Let the selector score the boots that survived, and rank them.

    No selector is paid where there is nothing to decide: with one boot left, or when the boots that finished already
    settle the answer.

    Source: arXiv 2505.16221, the selector.
    """

    pool: Pool
    key: AnswerKey
    selectors: Mapping[str, Selector]
    races: Races
    request: Request = PLAIN

    async def __call__(self, state: State) -> Update:
        """Return the ranking and what it cost."""
        self.races.end(state["run"])
        boots = survivors(state)
        query = query_of(state, self.pool, self.key, self.request)
        try:
            async with bound_by_deadline(state) as limit:
                scores = await self._score(query, boots, settled=is_settled(state))
        except TimeoutError:
            if not limit.expired():
                raise  # the selector's own
            weights = {boot["candidate"]: query.weights[boot["candidate"]] for boot in boots}
            scores = Scores(weights, "prior", notes={"fallback": "the selector took longer than the deadline allows"})
        ranking = _ranking(query, boots, scores)
        late = seconds_left(state["started"], query.settings.deadline_s, 1.0) == 0
        update: Update = {"rankings": [ranking], "spendings": list(scores.spendings), "late": late}
        _tell({**state, "rankings": [*state["rankings"], ranking], "late": late}, ranking)
        return update

    async def _score(self, query: Query, boots: Sequence[Boot], *, settled: bool) -> Scores:
        if not boots:
            return Scores({}, "nobody")
        if len(boots) == 1:
            return Scores({boots[0]["candidate"]: 1.0}, "nobody", {boots[0]["candidate"]: "the only boot"})
        selector = ConsistencySelector() if settled else self.selectors[query.settings.selector]
        scores = await selector.score(query, boots)
        if not isinstance(scores, Scores):
            msg = f"{type(selector).__name__}.score returned {type(scores).__name__}, expected Scores"
            raise SelectionError(msg)
        return scores


def _ranking(query: Query, boots: Sequence[Boot], scores: Scores) -> Ranking:
    known = {boot["candidate"] for boot in boots}
    for name, score in scores.by_candidate.items():
        if name not in known or not 0 <= score <= 1:
            msg = (
                f"selector {scores.selector!r} gave {name!r} the score {score!r}; it must be 0 to 1 for one of {known}"
            )
            raise SelectionError(msg)
    return {
        "layer": query.layer,
        "selector": scores.selector,
        "order": rank(scores.by_candidate, query.order),
        # Plain floats: a numpy scalar would not survive a checkpoint.
        "scores": {name: float(score) for name, score in scores.by_candidate.items()},
        "reasons": dict(scores.reasons),
        "notes": dict(scores.notes),
    }


def _tell(state: State, ranking: Ranking) -> None:
    out = dropped(state)
    note_ranking(ranking, out)
    tell(
        {
            "type": "lightrouter",
            "event": "ranked",
            "layer": ranking["layer"],
            "selector": ranking["selector"],
            "order": ranking["order"],
            "scores": ranking["scores"],
            "reasons": ranking["reasons"],
            "going_on": going_on(state),
            "dropped": out,
        }
    )
