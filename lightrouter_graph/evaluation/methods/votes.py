"""Several candidates answer in full, and a vote on their short answers decides."""

import math
import random
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from lightrouter_graph.errors import EvaluationError
from lightrouter_graph.evaluation.methods.base import Need, Reply, Setting
from lightrouter_graph.evaluation.methods.history import key_of, scored_outputs, trusted
from lightrouter_graph.evaluation.methods.sampling import ask_all
from lightrouter_graph.evaluation.methods.voting import count_keys, first_with, take_majority
from lightrouter_graph.evaluation.questions import Question
from lightrouter_graph.pool import Candidate

RIGHT = 0.5
"""A recorded score from which on an output counts as right."""

_SUREST = 0.98
"""No candidate is taken to be right, or wrong, more often than this, however short the history is."""

_COINCIDENCE = (0.01, 0.5)
"""Between these the measured coincidence is believed: at 0 a single agreement would decide everything."""


@dataclass(frozen=True, slots=True)
class CountedVote:
    """Asks the candidates it is given, all at once; the majority wins, ties fall to the earlier."""

    candidates: tuple[Candidate, ...]
    max_tokens: int | None = None

    async def answer(self, question: Question) -> Reply:
        """Ask and count.

        Raises:
            NoSurvivorError: If nobody answers.
        """
        verdict = take_majority(await ask_all(self.candidates, question, max_tokens=self.max_tokens))
        return Reply(verdict.winner.text, chosen=verdict.winner.candidate.name, confidence=verdict.share)


@dataclass(frozen=True, slots=True)
class _RandomVote:
    candidates: tuple[Candidate, ...]
    k: int
    seed: int
    max_tokens: int | None

    async def answer(self, question: Question) -> Reply:
        drawn = random.Random(f"{self.seed}:{question.id}").sample(self.candidates, min(self.k, len(self.candidates)))
        return await CountedVote(tuple(drawn), self.max_tokens).answer(question)


@dataclass(frozen=True, slots=True)
class RandomK:
    """A majority of k candidates drawn anew for each question; ties fall to the one drawn earlier.

    Attributes:
        k: How many are asked, >= 1; all are when there are no more.
    """

    k: int

    def __post_init__(self) -> None:
        check_k(self.name, self.k)

    @property
    def name(self) -> str:
        """Return "random-" and k."""
        return f"random-{self.k}"

    @property
    def label(self) -> str:
        """For tables."""
        return f"random {self.k}, majority"

    @property
    def needs(self) -> frozenset[Need]:
        """Nothing."""
        return frozenset()

    def fit(self, setting: Setting) -> _RandomVote:
        """Learn nothing."""
        return _RandomVote(setting.pool.candidates, self.k, setting.seed, setting.max_tokens)


@dataclass(frozen=True, slots=True)
class TopKByPrior:
    """A majority of the k candidates with the best history; ties fall to the better one.

    Attributes:
        k: How many are asked, >= 1; all are when there are no more.
    """

    k: int

    def __post_init__(self) -> None:
        check_k(self.name, self.k)

    @property
    def name(self) -> str:
        """Return "top-" and k."""
        return f"top-{self.k}"

    @property
    def label(self) -> str:
        """For tables."""
        return f"best {self.k} on other data, majority"

    @property
    def needs(self) -> frozenset[Need]:
        """What the order is learnt from."""
        return frozenset({"history"})

    def fit(self, setting: Setting) -> CountedVote:
        """Choose on the history; the pool's order without one."""
        return CountedVote(trusted(setting)[: self.k], setting.max_tokens)


@dataclass(frozen=True, slots=True)
class Majority:
    """Everybody answers, the majority wins; ties, and texts that cannot be compared, fall to the more trusted."""

    name: str = "majority"
    label: str = "majority of all"
    needs: frozenset[Need] = frozenset()

    def fit(self, setting: Setting) -> CountedVote:
        """Learn whom to trust in a tie; the pool's order without a history."""
        return CountedVote(trusted(setting), setting.max_tokens)


@dataclass(frozen=True, slots=True)
class _BayesVote:
    candidates: tuple[Candidate, ...]
    weights: Mapping[str, float]
    coincidence: float
    max_tokens: int | None

    async def answer(self, question: Question) -> Reply:
        said = await ask_all(self.candidates, question, max_tokens=self.max_tokens)
        odds = count_keys(said, self.weights)
        if not odds:
            return Reply(said[0].text, chosen=said[0].candidate.name)
        best = max(odds, key=lambda key: round(odds[key], 9))
        winner = first_with(said, best)
        return Reply(winner.text, chosen=winner.candidate.name, confidence=self._posterior(odds, best))

    def _posterior(self, odds: Mapping[str, float], best: str) -> float:
        """Return how likely the best is right, if the answers given and those nobody gave are all there can be."""
        top = odds[best]
        masses = {key: self.coincidence * math.exp(value - top) for key, value in odds.items()}
        unseen = max(0.0, 1.0 - len(odds) * self.coincidence) * math.exp(-top)
        return masses[best] / (sum(masses.values()) + unseen)


@dataclass(frozen=True, slots=True)
class WeightedVote:
    """Everybody answers; each vote weighs what naive Bayes makes of its candidate's history.

    A candidate that is right with probability p, among wrong answers of which two are equal with probability c, has a
    vote of log(p / ((1 - p) c)), never below 0. Both are measured: p smoothed by one right and one wrong answer, c over
    all pairs of wrong answers to a question. The confidence is the posterior of the winner.
    """

    name: str = "weighted-vote"
    label: str = "weighted vote of all"
    needs: frozenset[Need] = frozenset({"history"})

    def fit(self, setting: Setting) -> _BayesVote:
        """Measure how often each candidate is right, and how often wrong answers coincide."""
        coincidence = wrong_coincidence(setting)
        weights = {name: vote_weight(p, coincidence) for name, p in right_shares(setting).items()}
        return _BayesVote(trusted(setting), weights, coincidence, setting.max_tokens)


def vote_weight(right: float, coincidence: float) -> float:
    """Return the weight of a vote: the log-odds of being right against being wrong in this very way, >= 0."""
    p = min(max(right, 1 - _SUREST), _SUREST)
    return max(0.0, math.log(p / ((1 - p) * coincidence)))


def right_shares(setting: Setting) -> dict[str, float]:
    """Return how often each candidate's answers with a key were right, with one right and one wrong answer added."""
    rows: dict[str, list[bool]] = {name: [True, False] for name in setting.pool.names}
    for past in scored_outputs(setting):
        if key_of(past.output.text, past.question.text) is not None:
            rows[past.candidate].append(past.score >= RIGHT)
    return {name: sum(row) / len(row) for name, row in rows.items()}


def wrong_coincidence(setting: Setting) -> float:
    """Return how often two wrong answers to one question were the same; 0.2, a guess, where no pair was seen."""
    wrong: dict[str, list[str]] = defaultdict(list)
    for past in scored_outputs(setting):
        key = key_of(past.output.text, past.question.text)
        if key is not None and past.score < RIGHT:
            wrong[past.question.id].append(key)
    equal = [one == other for keys in wrong.values() for one, other in combinations(keys, 2)]
    low, high = _COINCIDENCE
    return min(max(_mean(equal, otherwise=0.2), low), high)


def check_k(method: str, k: int) -> None:
    """Refuse a number below 1.

    Raises:
        EvaluationError: If it is.
    """
    if k < 1:
        msg = f"{method!r}: the number must be >= 1, got {k}"
        raise EvaluationError(msg)


def _mean(values: Sequence[bool], *, otherwise: float) -> float:
    return sum(values) / len(values) if values else otherwise
