"""What a recorded model does with a request that others do otherwise."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Literal

from lightrouter_graph.testing.deltas import Delta
from lightrouter_graph.testing.openai_shapes import ApiError, Ask, Json, read_limit

LIMIT_NAMES = ("max_completion_tokens", "max_tokens", "num_predict")
"""The names under which providers take a limit on tokens."""


@dataclass(frozen=True)
class Reasoning:
    """Tokens that come before the text, are billed, and use up the limit.

    Attributes:
        tokens: Their number.
        by_effort: Their number where the body has that `reasoning_effort` (or `reasoning.effort`).
        shown: Whether they are told as `reasoning_content`.

    Example:
        >>> Reasoning(50, by_effort={"low": 5}).count({"reasoning_effort": "low"})
        5
    """

    tokens: int
    by_effort: Mapping[str, int] = field(default_factory=dict)
    shown: bool = False

    def count(self, body: Json) -> int:
        """Count the tokens that a request gets."""
        effort = body.get("reasoning_effort") or (body.get("reasoning") or {}).get("effort")
        return self.by_effort.get(effort, self.tokens) if isinstance(effort, str) else self.tokens

    def deltas(self, body: Json) -> Iterator[Delta | None]:
        """Say them, one entry per token."""
        return ({"reasoning_content": " hm"} if self.shown else None for _ in range(self.count(body)))


@dataclass(frozen=True, kw_only=True)
class Habits:
    """How a model treats every request; those given here are the good ones.

    Attributes:
        limit_name: The one name under which it takes a limit, such as "max_tokens", "max_completion_tokens" or
            "num_predict"; None for either of the first two.
        other_limits: What it does with a limit under another name, when `limit_name` is given.
        honours_limit: Whether it stops at a limit; otherwise it writes on, and all of it is billed.
        prefix: What it does when asked to continue a message: it continues where the text starts with it;
            "restart": it says its text from the beginning; "repeat": it says the message again and goes on.
        alternating_roles: Whether it refuses two messages of one role in a row (those of tools apart).
        reasoning: What it thinks before it speaks.

    Example:
        >>> import httpx
        >>> from lightrouter_graph.testing import RecordedModelServer
        >>> habits = {"o": Habits(limit_name="max_completion_tokens")}
        >>> with RecordedModelServer(responders={"o": lambda body: "four"}, habits=habits) as server:
        ...     ask = {"model": "o", "messages": [{"role": "user", "content": "2 + 2?"}], "max_tokens": 9}
        ...     reply = httpx.post(f"{server.base_url}/chat/completions", json=ask)
        >>> reply.status_code, reply.json()["error"]["code"]
        (400, 'unsupported_parameter')
    """

    limit_name: str | None = None
    other_limits: Literal["refuse", "ignore"] = "refuse"
    honours_limit: bool = True
    prefix: Literal["continue", "restart", "repeat"] = "continue"
    alternating_roles: bool = False
    reasoning: Reasoning | None = None

    def hear(self, ask: Ask) -> Ask:
        """Read a request as the model does.

        Raises:
            ApiError: If the model refuses it.
        """
        if self.alternating_roles:
            _check_roles(ask)
        if self.limit_name is not None:
            ask = replace(ask, limit=self._read_limit(ask.body, self.limit_name))
        return ask if self.honours_limit else replace(ask, limit=None)

    def _read_limit(self, body: Json, name: str) -> int | None:
        for other in LIMIT_NAMES:
            if self.other_limits == "refuse" and other != name and body.get(other) is not None:
                told = f"Unsupported parameter: '{other}' is not supported with this model. Use '{name}' instead."
                raise ApiError(400, told, code="unsupported_parameter", param=other)
        return read_limit(body, (name,))


def _check_roles(ask: Ask) -> None:
    roles = [message.get("role") for message in ask.messages]
    if any(role == following != "tool" for role, following in pairwise(roles)):
        raise ApiError(400, "Conversation roles must alternate user/assistant/user/assistant/...")
