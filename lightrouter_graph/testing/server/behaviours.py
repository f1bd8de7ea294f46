"""How a recorded model treats a request: limit parameter, prefix continuation, roles and reasoning."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Literal, NoReturn

from lightrouter_graph.errors import checked_choices
from lightrouter_graph.testing.server.billing import Kind
from lightrouter_graph.testing.server.completion_request import LIMIT_NAMES, CompletionRequest, Json
from lightrouter_graph.testing.server.errors import ApiError


@dataclass(frozen=True)
class Reasoning:
    """Reasoning tokens before the text. They are billed and count towards the limit.

    Attributes:
        tokens: Number of tokens.
        by_effort: Number of tokens by the request's `reasoning_effort` (or `reasoning.effort`).
        shown: Whether the response contains them as `reasoning_content`.

    Example:
        >>> Reasoning(50, by_effort={"low": 5}).count({"reasoning_effort": "low"})
        5
    """

    tokens: int
    by_effort: Mapping[str, int] = field(default_factory=dict)
    shown: bool = False

    def count(self, body: Json) -> int:
        """Return the number of reasoning tokens for a request.

        Args:
            body: JSON of the request.
        """
        effort = body.get("reasoning_effort") or (body.get("reasoning") or {}).get("effort")
        return self.by_effort.get(effort, self.tokens) if isinstance(effort, str) else self.tokens

    def deltas(self, body: Json) -> Iterator[Json | None]:
        """Yield one delta per reasoning token; None if they are hidden.

        Args:
            body: JSON of the request.
        """
        return ({"reasoning_content": " hm"} if self.shown else None for _ in range(self.count(body)))


@checked_choices()
@dataclass(frozen=True, kw_only=True)
class ServerBehaviour:
    """How a model treats every request. The defaults follow the API.

    Attributes:
        limit_name: The only accepted limit parameter, such as "max_tokens", "max_completion_tokens" or "num_predict";
            None for either of the first two.
        other_limits: Whether a limit under another name is refused or ignored; only used with `limit_name`.
        honours_limit: Whether the model stops at the limit. If not, it sends and bills the whole text.
        prefix: Handling of `continue_final_message`. "continue": send only the rest, if the text starts with the
            message; "restart": send the whole text; "repeat": send the message again and then the rest.
        refuse: Returns why the model refuses a request body, as the message of the error or as the JSON of the
            response (status 400, or its own number `status`); None for a body that it accepts.
        alternating_roles: Whether two messages in a row with the same role are refused, except tool messages.
        reasoning: Reasoning tokens before the text.

    Example:
        >>> import httpx
        >>> from lightrouter_graph.testing import RecordedModelServer
        >>> behaviours = {"o": ServerBehaviour(limit_name="max_completion_tokens")}
        >>> with RecordedModelServer(responders={"o": lambda body: "four"}, behaviours=behaviours) as server:
        ...     body = {"model": "o", "messages": [{"role": "user", "content": "2 + 2?"}], "max_tokens": 9}
        ...     response = httpx.post(f"{server.base_url}/chat/completions", json=body)
        >>> response.status_code, response.json()["error"]["code"]
        (400, 'unsupported_parameter')
    """

    limit_name: str | None = None
    other_limits: Literal["refuse", "ignore"] = "refuse"
    honours_limit: bool = True
    prefix: Literal["continue", "restart", "repeat"] = "continue"
    refuse: Callable[[Json], str | Json | None] | None = None
    alternating_roles: bool = False
    reasoning: Reasoning | None = None

    def limit(self, request: CompletionRequest) -> int | None:
        """Return the token limit that the model applies; None for no limit.

        Args:
            request: The request.

        Raises:
            ApiError: If the model refuses the request (status 400).
        """
        if self.refuse is not None and (why := self.refuse(request.body)) is not None:
            _refuse(why)
        if self.alternating_roles:
            _check_roles(request)
        limit = request.limit if self.limit_name is None else self._named_limit(request.body, self.limit_name)
        return limit if self.honours_limit else None

    def continue_prefix(self, text: str, prefix: str) -> tuple[str, Kind]:
        """Return the text to send after a prefix, and the kind of the call.

        Args:
            text: The whole text of the model.
            prefix: Assistant message to continue; empty for none.
        """
        if not prefix or self.prefix == "restart":
            return text, "completion"
        rest = text.removeprefix(prefix)
        if self.prefix == "repeat":
            return prefix + rest, "continuation"
        return rest, "continuation" if text.startswith(prefix) else "completion"

    def _named_limit(self, body: Json, name: str) -> int | None:
        for other in LIMIT_NAMES:
            if self.other_limits == "refuse" and other != name and body.get(other) is not None:
                message = f"Unsupported parameter: '{other}' is not supported with this model. Use '{name}' instead."
                raise ApiError(400, message, code="unsupported_parameter", param=other)
        return body.get(name)


def _refuse(why: str | Json) -> NoReturn:
    if isinstance(why, str):
        raise ApiError(400, why)
    raise ApiError(why.get("status", 400), "", body=why)


def _check_roles(request: CompletionRequest) -> None:
    roles = [message.get("role") for message in request.messages]
    if any(role == following != "tool" for role, following in pairwise(roles)):
        raise ApiError(400, "Conversation roles must alternate user/assistant/user/assistant/...")
