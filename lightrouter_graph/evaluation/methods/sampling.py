"""Asking several candidates at once, and what is left when some of them fail."""

import asyncio
from collections.abc import Sequence

from langchain_core.messages import AnyMessage

from lightrouter_graph.errors import NoSurvivorError
from lightrouter_graph.evaluation.methods.base import Said, ask
from lightrouter_graph.evaluation.questions import Question
from lightrouter_graph.pool import Candidate


async def ask_all(
    candidates: Sequence[Candidate],
    question: Question,
    *,
    messages: Sequence[AnyMessage] | None = None,
    max_tokens: int | None = None,
) -> list[Said]:
    """Ask all of them at the same time and return those who answered, in the order given.

    Args:
        candidates: Whom to ask, each once.
        question: The question; its text is the prompt unless `messages` are given.
        messages: The whole prompt, the same for all.
        max_tokens: Cap on each output; None for the models' own.

    Raises:
        NoSurvivorError: If nobody answered.
    """
    calls = (ask(candidate, question, messages=messages, max_tokens=max_tokens) for candidate in candidates)
    return survivors(await asyncio.gather(*calls))


def survivors(said: Sequence[Said]) -> list[Said]:
    """Return those who answered, in the order given.

    Raises:
        NoSurvivorError: If nobody did; it says what happened to each.
    """
    answered = [one for one in said if one.completion.failure is None]
    if not answered:
        raise NoSurvivorError(layer=1, failures={one.candidate.name: _problem(one) for one in said})
    return answered


def _problem(one: Said) -> str:
    failure = one.completion.failure
    return "" if failure is None else f"{failure['cause']}: {failure['message']}"
