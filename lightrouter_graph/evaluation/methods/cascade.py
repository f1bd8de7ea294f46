"""Cascade: cheap candidates answer first; a more expensive one is called if the answer is probably wrong."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, combinations, product
from typing import NamedTuple

import numpy as np

from lightrouter_graph.evaluation.methods.base import HISTORY, Baseline, Reply, Setting
from lightrouter_graph.evaluation.methods.history import by_history, cost_of, has_prices, mean_costs, require_history
from lightrouter_graph.evaluation.methods.quality_features import QualityModel, Training, train
from lightrouter_graph.evaluation.methods.regression import Floats
from lightrouter_graph.evaluation.methods.sampling import CandidateReply, ask, successful
from lightrouter_graph.evaluation.questions import Question
from lightrouter_graph.pool import Candidate

MAX_LENGTH = 3
"""Maximum number of candidates in a chain, as in the paper."""

_QUANTILES = np.linspace(0.1, 0.9, 9)
"""Thresholds on the grid: quantiles of the predicted probabilities of a candidate's own answers."""

_ROUNDING = 1 + 1e-9


class Chain(NamedTuple):
    """Candidates in cost order, and the minimum probability at which the answer of each but the last is accepted.

    `score` and `cost` are its means over the history.
    """

    names: tuple[str, ...]
    thresholds: tuple[float, ...]
    score: float
    cost: float


@dataclass(frozen=True, slots=True)
class FittedCascade:
    """Calls the candidates of a chain in order until an answer reaches its threshold."""

    candidates: tuple[Candidate, ...]
    chain: Chain
    quality: QualityModel
    max_tokens: int | None

    async def answer(self, question: Question) -> Reply:
        """Return the first accepted answer, else the last; raise `NoSurvivorError` if every call fails."""
        replies: list[CandidateReply] = []
        for candidate, threshold in zip(self.candidates, (*self.chain.thresholds, 0.0), strict=True):
            replies.append(await ask(candidate, question, max_tokens=self.max_tokens))
            if not replies[-1].failure and self.quality.probability(replies[-1], question) >= threshold:
                break
        last = successful(replies)[-1]
        return Reply(last.text, chosen=last.candidate.name, confidence=self.quality.probability(last, question))


def cascade(percent: int = 100) -> Baseline:
    """Return the cascade with the best mean score on the history within a cost limit.

    Args:
        percent: Maximum mean cost on the history, in percent of the best single candidate, >= 1. Cost is USD if all
            prices are known, else output tokens.

    Source: arXiv 2305.05176 (the LLM cascade). Deviation: the scorer is a logistic regression on plain features instead
    of a fine-tuned language model, and thresholds are searched on a grid with cross-validated probabilities.
    """
    name = "cascade" if percent == 100 else f"cascade-{percent}"
    limit = "" if percent == 100 else f" at {percent} % of the best single's cost"
    return Baseline(name, f"cascade (FrugalGPT-like){limit}", lambda s: fit_cascade(s, percent, name), HISTORY)


def fit_cascade(setting: Setting, percent: int = 100, name: str = "cascade") -> FittedCascade:
    """Fit the quality model, then select the chain; raise an `EvaluationError` if the history has no scores."""
    require_history(setting, name)
    training = train(setting)
    limit = mean_costs(setting)[by_history(setting)[0].name] * percent / 100
    best = _choose_chain(_chains(setting, training), limit)
    return FittedCascade(tuple(setting.pool[n] for n in best.names), best, training.model, setting.max_tokens)


def _choose_chain(chains: Iterator[Chain], limit: float) -> Chain:
    """Return the chain with the highest score within the cost limit, of equal ones the cheaper; else the cheapest."""

    def rank(one: Chain) -> tuple[bool, float, float]:
        within = one.cost <= limit * _ROUNDING
        return (not within, -one.score, one.cost) if within else (not within, one.cost, -one.score)

    return min(chains, key=rank)


class _Grid(NamedTuple):
    """History as matrices (candidates in cost order, questions); 0 for a missing output."""

    names: tuple[str, ...]
    scores: Floats
    probabilities: Floats
    costs: Floats


def _grid(setting: Setting, training: Training) -> _Grid:
    means = mean_costs(setting)
    names = tuple(sorted(setting.pool.names, key=lambda name: means[name]))
    rows, columns = {name: i for i, name in enumerate(names)}, {q.id: i for i, q in enumerate(setting.history)}
    scores, probabilities, costs = np.zeros((3, len(names), len(columns)))
    in_usd = has_prices(setting)
    for past, probability in zip(training.rows, training.unseen, strict=True):
        at = rows[past.candidate], columns[past.question.id]
        scores[at], probabilities[at] = past.score, probability
        costs[at] = cost_of(setting.pool[past.candidate], past.question, past.output, in_usd=in_usd)
    return _Grid(names, scores, probabilities, costs)


def _chains(setting: Setting, training: Training) -> Iterator[Chain]:
    """Yield every chain of one to three candidates in cost order with every combination of thresholds."""
    grid = _grid(setting, training)
    thresholds = np.quantile(grid.probabilities, _QUANTILES, axis=1).T
    subsets = chain.from_iterable(combinations(range(len(grid.names)), n) for n in range(1, MAX_LENGTH + 1))
    for members in subsets:
        yield from _chains_of(members, grid, thresholds)


def _chains_of(members: tuple[int, ...], grid: _Grid, thresholds: Floats) -> Iterator[Chain]:
    count = grid.scores.shape[1]
    reach, score, cost = np.ones((1, count)), np.zeros(1), np.zeros(1)
    for member in members[:-1]:
        accepted = (grid.probabilities[member] >= thresholds[member][:, None]).astype(float)
        score = (score[:, None] + (reach * grid.scores[member]) @ accepted.T).ravel()
        cost = np.repeat(cost + reach @ grid.costs[member], len(accepted))
        reach = (reach[:, None, :] * (1 - accepted)).reshape(-1, count)
    score, cost = (score + reach @ grid.scores[members[-1]]) / count, (cost + reach @ grid.costs[members[-1]]) / count
    names = tuple(grid.names[member] for member in members)
    for values, right, usd in zip(product(*(thresholds[m] for m in members[:-1])), score, cost, strict=True):
        yield Chain(names, tuple(map(float, values)), float(right), float(usd))
