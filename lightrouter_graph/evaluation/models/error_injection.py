"""Candidates whose boots carry an injected error: how far does one spread?"""

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, cast

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun
from langchain_core.messages import BaseMessage
from langchain_core.outputs import ChatResult

from lightrouter_graph.evaluation.models.model_override import overridden
from lightrouter_graph.evaluation.models.stage import layer_now, stage_now
from lightrouter_graph.pool import Candidate

_NUMBER = re.compile(r"\d+")
_LONGEST = 1000
"""Digits of a number that are changed, the last ones: a model that loops writes thousands, too many for an int."""


@dataclass(frozen=True, slots=True)
class Injection:
    """Which boots are struck, and where.

    Attributes:
        layer: The layer whose boots are struck, 1-based.
        share: The chance that a boot is struck, 0 to 1; drawn per question and candidate.
        seed: Of the draws.
    """

    layer: int
    share: float
    seed: int = 0

    def strikes(self, question: str, candidate: str) -> bool:
        """Whether the boot of a candidate to a question is struck."""
        return random.Random(f"{self.seed}/{question}/{candidate}").random() < self.share


def inject_error(text: str, *, seed: str) -> str:
    """Change the last number of a text into another one of as many digits; a text without one stays as it is.

    >>> inject_error("6 * 7 = 42, so it", seed="a") != "6 * 7 = 42, so it"
    True
    """
    numbers = list(_NUMBER.finditer(text))
    if not numbers:
        return text
    start, end = numbers[-1].span()
    start = max(start, end - _LONGEST)
    draw, digits, right = random.Random(seed), end - start, text[start:end]
    least = 10 ** (digits - 1) if digits > 1 else 0
    wrong = draw.choice([n for n in {draw.randint(least, 10**digits - 1) for _ in range(20)} if str(n) != right])
    return f"{text[:start]}{wrong}{text[end:]}"


def with_injected_errors(candidate: Candidate, injection: Injection) -> Candidate:
    """Return a candidate whose boots are struck; whatever else it says is its own."""
    return overridden(candidate, _Corrupting, {"injection": injection, "candidate_name": candidate.name})


class _Corrupting:
    """Stands before a model's own calls. Boots are not streamed, so streams are left alone."""

    injection: ClassVar[Injection]
    candidate_name: ClassVar[str]

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        above = cast("Any", super())
        result: ChatResult = await above._agenerate(messages, stop=stop, run_manager=run_manager, **kwargs)  # noqa: SLF001
        if self._is_struck(messages):
            message = result.generations[0].message
            message.content = inject_error(
                str(message.text), seed=f"{self.injection.seed}/{messages[0].text}/{self.candidate_name}"
            )
        return result

    def _is_struck(self, messages: Sequence[BaseMessage]) -> bool:
        boots = stage_now() == "boot" and layer_now() == self.injection.layer
        return boots and self.injection.strikes(str(messages[0].text), self.candidate_name)
