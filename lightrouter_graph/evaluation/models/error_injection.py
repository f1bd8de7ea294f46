"""Candidates with an injected error in their boots."""

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, cast

from langchain_core.messages import BaseMessage
from langchain_core.outputs import ChatResult

from lightrouter_graph.evaluation.call_log import current_layer, current_stage
from lightrouter_graph.evaluation.models.candidates import overridden
from lightrouter_graph.pool import Candidate

_NUMBER = re.compile(r"\d+")
_MAX_DIGITS = 1000
"""Number of trailing digits that are replaced: a looping model generates thousands, too many for an int."""


@dataclass(frozen=True, slots=True)
class Injection:
    """Which boots get an error.

    Attributes:
        layer: The layer of the changed boots, 1-based.
        share: Probability that a boot is changed, 0 to 1; drawn per question and candidate.
        seed: Seed of the draws.
    """

    layer: int
    share: float
    seed: int = 0

    def applies(self, question: str, candidate: str) -> bool:
        """Return True if the boot of a candidate for a question gets an error."""
        return random.Random(f"{self.seed}/{question}/{candidate}").random() < self.share


def inject_error(text: str, *, seed: str) -> str:
    """Replace the last number of a text by another one with as many digits; a text without a number is returned as is.

    >>> inject_error("6 * 7 = 42, so it", seed="a") != "6 * 7 = 42, so it"
    True
    """
    numbers = list(_NUMBER.finditer(text))
    if not numbers:
        return text
    start, end = numbers[-1].span()
    start = max(start, end - _MAX_DIGITS)
    draw, digits, right = random.Random(seed), end - start, text[start:end]
    least = 10 ** (digits - 1) if digits > 1 else 0
    wrong = draw.choice([n for n in {draw.randint(least, 10**digits - 1) for _ in range(20)} if str(n) != right])
    return f"{text[:start]}{wrong}{text[end:]}"


def with_injected_errors(candidate: Candidate, injection: Injection) -> Candidate:
    """Return a copy of a candidate with the errors of an injection in its boots; other calls are not changed."""
    return overridden(candidate, _InjectErrors, {"injection": injection, "candidate_name": candidate.name})


class _InjectErrors:
    """Mixin over a chat model. Boots are not streamed, so streams are not changed."""

    injection: ClassVar[Injection]
    candidate_name: ClassVar[str]

    async def _agenerate(self, messages: list[BaseMessage], *args: Any, **kwargs: Any) -> ChatResult:
        result: ChatResult = await cast("Any", super())._agenerate(messages, *args, **kwargs)  # noqa: SLF001
        if self._applies(messages):
            message = result.generations[0].message
            seed = f"{self.injection.seed}/{messages[0].text}/{self.candidate_name}"
            message.content = inject_error(str(message.text), seed=seed)
        return result

    def _applies(self, messages: Sequence[BaseMessage]) -> bool:
        boots = current_stage() == "boot" and current_layer() == self.injection.layer
        return boots and self.injection.applies(str(messages[0].text), self.candidate_name)
