"""Reads the history of a setting: mean scores, mean costs and scored outputs of the candidates on other questions."""

from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

from lightrouter_graph.answer_keys import default_key
from lightrouter_graph.errors import EvaluationError
from lightrouter_graph.evaluation.call_log import call_usd
from lightrouter_graph.evaluation.methods.base import Setting
from lightrouter_graph.evaluation.questions import Output, Question, mean_scores
from lightrouter_graph.pool import Candidate
from lightrouter_graph.testing.tokens import count_prompt_tokens


class Past(NamedTuple):
    """One scored output of one candidate in the history."""

    candidate: str
    question: Question
    output: Output
    score: float


def by_history(setting: Setting) -> tuple[Candidate, ...]:
    """Return the pool sorted by mean score in the history, best first; ties keep the order of the pool."""
    means = mean_scores(setting.history, setting.pool.names)
    return tuple(sorted(setting.pool, key=lambda candidate: -means[candidate.name]))


def scored_outputs(setting: Setting) -> Iterator[Past]:
    """Yield every scored output of the pool in the history, by question, in the order of the pool."""
    for question in setting.history:
        for name in setting.pool.names:
            output = question.outputs.get(name)
            if output is not None and output.score is not None:
                yield Past(name, question, output, output.score)


def require_history(setting: Setting, method: str) -> None:
    """Raise an `EvaluationError` with the name of the method if no output of the pool in the history has a score."""
    if next(scored_outputs(setting), None) is None:
        names = ", ".join(setting.pool.names)
        msg = f"{method!r} learns from scored outputs to other questions, and there are none of {names}"
        raise EvaluationError(msg)


def mean_costs(setting: Setting) -> dict[str, float]:
    """Return the mean cost of a full answer of each candidate in the history.

    Returns:
        Cost by name: USD if all prices are known, else output tokens. A candidate without outputs in the history gets
        the highest mean cost of the pool.
    """
    in_usd = has_prices(setting)
    known: dict[str, float] = {}
    for candidate in setting.pool:
        answered = [question for question in setting.history if candidate.name in question.outputs]
        costs = [cost_of(candidate, q, q.outputs[candidate.name], in_usd=in_usd) for q in answered]
        if costs:
            known[candidate.name] = sum(costs) / len(costs)
    highest = max(known.values(), default=0.0)
    return {name: known.get(name, highest) for name in setting.pool.names}


def cost_of(candidate: Candidate, question: Question, output: Output, *, in_usd: bool) -> float:
    """Return the cost of one recorded answer: USD if `in_usd` and its price is known, else output tokens."""
    input_tokens = output.input_tokens or count_prompt_tokens([question.text])
    usd = call_usd(candidate.price, input_tokens, output.tokens) if in_usd else None
    return float(output.tokens) if usd is None else usd


def has_prices(setting: Setting) -> bool:
    """Return True if the price of every candidate is known."""
    return all(candidate.price is not None for candidate in setting.pool)


@lru_cache(maxsize=1 << 17)
def key_of(text: str, question: str) -> str | None:
    """Return the answer key of a recorded text; cached, because every method reads it."""
    return default_key(text, question) if text else None
