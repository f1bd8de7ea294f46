"""Voting baselines: candidates answer in full, and the answer key with the most votes is returned."""

import math
import random
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from lightrouter_graph.evaluation.methods.base import HISTORY, Baseline, Reply, Setting
from lightrouter_graph.evaluation.methods.history import by_history, key_of, scored_outputs
from lightrouter_graph.evaluation.methods.sampling import CandidateReply, ask_all
from lightrouter_graph.evaluation.questions import RIGHT, Question
from lightrouter_graph.pool import Candidate

_MAX_RELIABILITY = 0.98
"""Upper bound of the estimated probability to be right (and to be wrong), for short histories."""

_COINCIDENCE_RANGE = (0.01, 0.5)
"""Bounds of the estimated coincidence of wrong answers: at 0 a single agreement would decide every vote."""

_DEFAULT_COINCIDENCE = 0.2


@dataclass(frozen=True, slots=True)
class _MajorityVote:
    """Calls its candidates in parallel and returns the first answer with the most frequent key.

    Ties select the key of the earlier candidate. Without any key the first answer is returned, without a confidence.
    """

    candidates: tuple[Candidate, ...]
    max_tokens: int | None = None

    async def answer(self, question: Question) -> Reply:
        """Return the majority answer; `confidence` is its share of the votes."""
        replies = await ask_all(self.candidates, question, max_tokens=self.max_tokens)
        votes = count_votes(replies)
        if not votes:
            return Reply(replies[0].text, chosen=replies[0].candidate.name)
        best = max(votes, key=votes.__getitem__)
        return _reply_with(replies, best, confidence=votes[best] / sum(votes.values()))


@dataclass(frozen=True, slots=True)
class _RandomVote:
    candidates: tuple[Candidate, ...]
    k: int
    seed: int
    max_tokens: int | None

    async def answer(self, question: Question) -> Reply:
        drawn = random.Random(f"{self.seed}:{question.id}").sample(self.candidates, min(self.k, len(self.candidates)))
        return await _MajorityVote(tuple(drawn), self.max_tokens).answer(question)


@dataclass(frozen=True, slots=True)
class _BayesVote:
    candidates: tuple[Candidate, ...]
    weights: Mapping[str, float]
    coincidence: float
    max_tokens: int | None

    async def answer(self, question: Question) -> Reply:
        replies = await ask_all(self.candidates, question, max_tokens=self.max_tokens)
        odds = count_votes(replies, self.weights)
        if not odds:
            return Reply(replies[0].text, chosen=replies[0].candidate.name)
        best = max(odds, key=lambda key: round(odds[key], 9))
        return _reply_with(replies, best, confidence=self._posterior(odds, best))

    def _posterior(self, odds: Mapping[str, float], best: str) -> float:
        """Return the probability of `best`, given the observed keys and the mass of the keys that no reply has."""
        top = odds[best]
        masses = {key: self.coincidence * math.exp(value - top) for key, value in odds.items()}
        unseen = max(0.0, 1.0 - len(odds) * self.coincidence) * math.exp(-top)
        return masses[best] / (sum(masses.values()) + unseen)


def random_k(k: int) -> Baseline:
    """Return the majority vote of k candidates drawn at random for each question.

    Args:
        k: Number of candidates, >= 1; values above the pool size select the whole pool.
    """
    label = f"random {k}, majority"
    return Baseline(f"random-{k}", label, lambda s: _RandomVote(s.pool.candidates, k, s.seed, s.max_tokens))


def top_k_by_history(k: int) -> Baseline:
    """Return the majority vote of the k candidates with the highest mean score in the history; see `random_k`."""
    label = f"best {k} on other data, majority"
    return Baseline(f"top-{k}", label, lambda s: _MajorityVote(by_history(s)[:k], s.max_tokens), HISTORY)


MAJORITY = Baseline("majority", "majority of all", lambda s: _MajorityVote(by_history(s), s.max_tokens))
"""All candidates answer; ties, and replies without a key, select the candidate with the higher mean score."""


def _fit_weighted_vote(setting: Setting) -> _BayesVote:
    """Fit a naive Bayes vote of all candidates; without a history all weights are equal.

    A candidate that is right with probability p has a vote of log(p / ((1 - p) c)), at least 0, where c is the
    probability that two wrong answers are equal. Both are estimated from the history: p with one right and one wrong
    answer added, c over all pairs of wrong answers to a question. The confidence is the posterior of the winner.
    """
    coincidence = wrong_coincidence(setting)
    weights = {name: vote_weight(p, coincidence) for name, p in _right_shares(setting).items()}
    return _BayesVote(by_history(setting), weights, coincidence, setting.max_tokens)


WEIGHTED_VOTE = Baseline("weighted-vote", "weighted vote of all", _fit_weighted_vote, HISTORY)


def count_votes(replies: Sequence[CandidateReply], weights: Mapping[str, float] | None = None) -> dict[str, float]:
    """Sum the votes of each answer key, in the order of the first reply with each key.

    Args:
        replies: The replies, highest prior first; those without a key have no vote.
        weights: Vote of each candidate by name; None for 1 each.
    """
    votes: dict[str, float] = {}
    for reply in replies:
        if reply.key is not None:
            votes[reply.key] = votes.get(reply.key, 0.0) + (1.0 if weights is None else weights[reply.candidate.name])
    return votes


def vote_weight(right: float, coincidence: float) -> float:
    """Return the log-odds of a right answer against the same wrong answer, >= 0.

    Args:
        right: Probability that the candidate is right, 0 to 1; limited to 0.02 to 0.98.
        coincidence: Probability that two wrong answers are equal, above 0.
    """
    p = min(max(right, 1 - _MAX_RELIABILITY), _MAX_RELIABILITY)
    return max(0.0, math.log(p / ((1 - p) * coincidence)))


def _right_shares(setting: Setting) -> dict[str, float]:
    """Return the share of right answers among the keyed answers of each candidate, with add-one smoothing."""
    rows: dict[str, list[bool]] = {name: [True, False] for name in setting.pool.names}
    for past in scored_outputs(setting):
        if key_of(past.output.text, past.question.text) is not None:
            rows[past.candidate].append(past.score >= RIGHT)
    return {name: sum(row) / len(row) for name, row in rows.items()}


def wrong_coincidence(setting: Setting) -> float:
    """Return the share of equal keys among all pairs of wrong answers to a question; 0.2 without any pair."""
    wrong: dict[str, list[str]] = defaultdict(list)
    for past in scored_outputs(setting):
        key = key_of(past.output.text, past.question.text)
        if key is not None and past.score < RIGHT:
            wrong[past.question.id].append(key)
    equal = [one == other for keys in wrong.values() for one, other in combinations(keys, 2)]
    low, high = _COINCIDENCE_RANGE
    return min(max(sum(equal) / len(equal) if equal else _DEFAULT_COINCIDENCE, low), high)


def _reply_with(replies: Sequence[CandidateReply], key: str, *, confidence: float) -> Reply:
    winner = next(reply for reply in replies if reply.key == key)
    return Reply(winner.text, chosen=winner.candidate.name, confidence=confidence)
