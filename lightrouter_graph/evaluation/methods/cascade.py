"""A cascade: cheap candidates first, dearer ones only where the answer so far does not look right."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, combinations, product
from typing import NamedTuple

import numpy as np

from lightrouter_graph.errors import EvaluationError
from lightrouter_graph.evaluation.methods.base import Need, Reply, Said, Setting, ask
from lightrouter_graph.evaluation.methods.history import cost_of, mean_costs, priced, require_history, trusted
from lightrouter_graph.evaluation.methods.quality_features import Scorer, Training, train
from lightrouter_graph.evaluation.methods.regression import Floats
from lightrouter_graph.evaluation.methods.sampling import survivors
from lightrouter_graph.evaluation.questions import Question
from lightrouter_graph.pool import Candidate

LONGEST = 3
"""Candidates in a chain at most, as in the paper."""

_QUANTILES = np.linspace(0.1, 0.9, 9)
"""Where thresholds are tried: quantiles of the chances a candidate's own answers were given."""


class Plan(NamedTuple):
    """Who is asked, cheap to dear, and from which chance on the answer of each but the last is taken.

    `score` and `cost` are the means over the history: what choosing it promised.
    """

    names: tuple[str, ...]
    thresholds: tuple[float, ...]
    score: float
    cost: float


@dataclass(frozen=True, slots=True)
class FittedCascade:
    """Asks along the chain until an answer looks right."""

    candidates: tuple[Candidate, ...]
    plan: Plan
    scorer: Scorer
    max_tokens: int | None

    async def answer(self, question: Question) -> Reply:
        """Ask one after the other; the last answer counts, whatever it looks like.

        Raises:
            NoSurvivorError: If all in the chain fail.
        """
        said: list[Said] = []
        for candidate, threshold in zip(self.candidates, (*self.plan.thresholds, 0.0), strict=True):
            said.append(await ask(candidate, question, max_tokens=self.max_tokens))
            if said[-1].completion.failure is None and self.scorer.chance(said[-1], question) >= threshold:
                break
        last = survivors(said)[-1]
        return Reply(last.text, chosen=last.candidate.name, confidence=self.scorer.chance(last, question))


@dataclass(frozen=True, slots=True)
class Cascade:
    """A chain of at most three candidates and its thresholds: the best on the history that its cost limit allows.

    Attributes:
        percent: Most it may cost on the history, in percent of the best single candidate, >= 1. Cost is USD where all
            prices are known, else output tokens.

    Source: arXiv 2305.05176 (the LLM cascade). Deviation: the scorer is a logistic regression on plain features
    instead of a fine-tuned language model, and thresholds are tried on a grid, with scores of answers the scorer had
    not seen.
    """

    percent: int = 100

    def __post_init__(self) -> None:
        if self.percent < 1:
            msg = f"{self.name!r}: the cost limit must be >= 1 percent, got {self.percent}"
            raise EvaluationError(msg)

    @property
    def name(self) -> str:
        """Return "cascade", with the limit where it is not the cost of the best single candidate."""
        return "cascade" if self.percent == 100 else f"cascade-{self.percent}"

    @property
    def label(self) -> str:
        """For tables."""
        limit = "" if self.percent == 100 else f" at {self.percent} % of the best single's cost"
        return f"cascade (FrugalGPT-like){limit}"

    @property
    def needs(self) -> frozenset[Need]:
        """What scorer, chain and thresholds are learnt from."""
        return frozenset({"history"})

    def fit(self, setting: Setting) -> FittedCascade:
        """Learn the scorer, then choose the chain.

        Raises:
            EvaluationError: If there is no scored history.
        """
        require_history(setting, self.name)
        training, limit = train(setting), mean_costs(setting)[trusted(setting)[0].name] * self.percent / 100
        plan = choose_plan(_plans(setting, training), limit)
        chosen = tuple(setting.pool[name] for name in plan.names)
        return FittedCascade(chosen, plan, training.scorer, setting.max_tokens)


def choose_plan(plans: Iterator[Plan], limit: float) -> Plan:
    """Return the best plan within a cost limit, the cheaper of equals; the cheapest of all where none is within."""
    return min(plans, key=lambda plan: (plan.cost > limit * (1 + 1e-9), *_rank(plan, limit)))


def _rank(plan: Plan, limit: float) -> tuple[float, float]:
    return (-plan.score, plan.cost) if plan.cost <= limit * (1 + 1e-9) else (plan.cost, -plan.score)


class _Grid(NamedTuple):
    """The history as matrices (candidates in cost order x questions); a missing output scores, looks and costs 0."""

    names: tuple[str, ...]
    scores: Floats
    chances: Floats
    costs: Floats


def _grid(setting: Setting, training: Training) -> _Grid:
    means = mean_costs(setting)
    names = tuple(sorted(setting.pool.names, key=lambda name: means[name]))
    rows, columns = {name: i for i, name in enumerate(names)}, {q.id: i for i, q in enumerate(setting.history)}
    scores, chances, costs = np.zeros((3, len(names), len(columns)))
    in_usd = priced(setting)
    for past, chance in zip(training.rows, training.unseen, strict=True):
        place = rows[past.candidate], columns[past.question.id]
        scores[place], chances[place] = past.score, chance
        costs[place] = cost_of(setting.pool[past.candidate], past.question, past.output, in_usd=in_usd)
    return _Grid(names, scores, chances, costs)


def _plans(setting: Setting, training: Training) -> Iterator[Plan]:
    """Yield the best plans of every chain: any one to three candidates, cheap to dear, with all thresholds tried."""
    grid = _grid(setting, training)
    tried = np.quantile(grid.chances, _QUANTILES, axis=1).T
    chains = chain.from_iterable(combinations(range(len(grid.names)), n) for n in range(1, LONGEST + 1))
    for members in chains:
        yield from _plans_of(members, grid, tried)


def _plans_of(members: tuple[int, ...], grid: _Grid, tried: Floats) -> Iterator[Plan]:
    count = grid.scores.shape[1]
    reach, score, cost = np.ones((1, count)), np.zeros(1), np.zeros(1)
    for member in members[:-1]:
        taken = (grid.chances[member] >= tried[member][:, None]).astype(float)
        score = (score[:, None] + (reach * grid.scores[member]) @ taken.T).ravel()
        cost = np.repeat(cost + reach @ grid.costs[member], len(taken))
        reach = (reach[:, None, :] * (1 - taken)).reshape(-1, count)
    score, cost = (score + reach @ grid.scores[members[-1]]) / count, (cost + reach @ grid.costs[members[-1]]) / count
    names = tuple(grid.names[member] for member in members)
    for thresholds, right, paid in zip(product(*(tried[m] for m in members[:-1])), score, cost, strict=True):
        yield Plan(names, tuple(map(float, thresholds)), float(right), float(paid))
