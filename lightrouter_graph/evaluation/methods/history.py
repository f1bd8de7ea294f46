"""What can be learnt of the candidates from questions they answered before."""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

from lightrouter_graph.answer_keys import default_key
from lightrouter_graph.errors import EvaluationError
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


def trusted(setting: Setting) -> tuple[Candidate, ...]:
    """Return the pool by mean score in the history, best first; equals, and all without history, in pool order."""
    means = mean_scores(setting.history, setting.pool.names)
    return tuple(sorted(setting.pool, key=lambda candidate: -means[candidate.name]))


def scored_outputs(setting: Setting) -> Iterator[Past]:
    """Return every scored output of the pool in the history, question by question, in pool order."""
    for question in setting.history:
        for name in setting.pool.names:
            output = question.outputs.get(name)
            if output is not None and output.score is not None:
                yield Past(name, question, output, output.score)


def require_history(setting: Setting, method: str) -> None:
    """Refuse to fit without anything to learn from.

    Raises:
        EvaluationError: If no output of the pool in the history has a score.
    """
    if next(scored_outputs(setting), None) is None:
        msg = f"{method!r} learns from scored outputs to other questions, and there are none of {_names(setting)}"
        raise EvaluationError(msg)


def mean_costs(setting: Setting) -> dict[str, float]:
    """Return what a full answer of each candidate cost in the history, on average.

    In USD where all prices are known, else in output tokens: one measure for all. A candidate without outputs in the
    history is taken to cost as much as the dearest.
    """
    costs = {candidate.name: _costs_of(candidate, setting) for candidate in setting.pool}
    known = {name: sum(row) / len(row) for name, row in costs.items() if row}
    dearest = max(known.values(), default=0.0)
    return {name: known.get(name, dearest) for name in costs}


def cost_of(candidate: Candidate, question: Question, output: Output, *, in_usd: bool) -> float:
    """Return what one recorded answer cost: USD, or output tokens."""
    if not in_usd or candidate.price is None:
        return float(output.tokens)
    asked = output.input_tokens or count_prompt_tokens([question.text])
    return (asked * candidate.price.input + output.tokens * candidate.price.output) / 1e6


def priced(setting: Setting) -> bool:
    """Whether the price of every candidate is known."""
    return all(candidate.price is not None for candidate in setting.pool)


@lru_cache(maxsize=1 << 17)
def key_of(text: str, question: str) -> str | None:
    """Return the short answer a recorded text is compared by; remembered, since every method asks for it again."""
    return default_key(text, question) if text else None


def _costs_of(candidate: Candidate, setting: Setting) -> Sequence[float]:
    answered = [question for question in setting.history if candidate.name in question.outputs]
    in_usd = priced(setting)
    return [cost_of(candidate, question, question.outputs[candidate.name], in_usd=in_usd) for question in answered]


def _names(setting: Setting) -> str:
    return ", ".join(setting.pool.names)
