"""Faults that can be injected into one call of a recorded model."""

import asyncio
import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from lightrouter_graph.errors import checked_choices
from lightrouter_graph.testing.server.behaviours import ServerBehaviour
from lightrouter_graph.testing.server.body_parts import Part, insert_after
from lightrouter_graph.testing.server.completion_request import Json
from lightrouter_graph.testing.server.errors import ApiError, ConnectionCut
from lightrouter_graph.testing.server.timed_response import CandidateReply


class Fault:
    """Base class of faults: five hooks, one per step of a call. The base class changes nothing.

    `one & other` applies both, `one` first. Faults apply to plain and streamed responses. Tests may subclass it.

    Example:
        >>> late = Stall(seconds=0.01) & Fail(429, headers={"retry-after": "1"})
        >>> garbled = Insert("data: {oops", after=3) & Cut(after=3)
    """

    times: int | None = None
    """Number of calls it applies to. None: every call, or one call if it is an entry of a list."""

    def __and__(self, other: "Fault") -> "Fault":
        return Both(self, other) if isinstance(other, Fault) else NotImplemented

    async def meet(self) -> None:
        """Run before the model produces a response.

        Raises:
            ApiError: To send this error response instead.
            ConnectionCut: To close the connection without a response.
        """

    def behave(self, behaviour: ServerBehaviour) -> ServerBehaviour:
        """Return the behaviour for this call, given that of the model."""
        return behaviour

    def say(self, reply: CandidateReply) -> CandidateReply:
        """Return the reply for this call, given the recorded one."""
        return reply

    def rewrite(self, payload: Json) -> Json:
        """Return the JSON to send.

        Args:
            payload: JSON of the plain response, or of one event of a stream.
        """
        return payload

    def send(self, parts: Iterator[Part]) -> Iterator[Part]:
        """Return the parts of the body to send, given all of them."""
        return parts


HEALTHY = Fault()
"""The fault of a call without a fault."""


class Both(Fault):
    """Two faults in one call. Each hook applies the first fault, then the second.

    Args:
        first: The first fault.
        second: The second fault; its behaviour and reply replace those of the first.
    """

    def __init__(self, first: Fault, second: Fault) -> None:
        self._first, self._second = first, second
        self.times = first.times if second.times is None else second.times

    def __repr__(self) -> str:
        return f"{self._first!r} & {self._second!r}"

    async def meet(self) -> None:
        """Run both hooks."""
        await self._first.meet()
        await self._second.meet()

    def behave(self, behaviour: ServerBehaviour) -> ServerBehaviour:
        """Apply both hooks."""
        return self._second.behave(self._first.behave(behaviour))

    def say(self, reply: CandidateReply) -> CandidateReply:
        """Apply both hooks."""
        return self._second.say(self._first.say(reply))

    def rewrite(self, payload: Json) -> Json:
        """Apply both hooks."""
        return self._second.rewrite(self._first.rewrite(payload))

    def send(self, parts: Iterator[Part]) -> Iterator[Part]:
        """Apply both hooks; at the same place, the parts of the first fault come first."""
        return self._first.send(self._second.send(parts))


@dataclass(frozen=True)
class Fail(Fault):
    """Send another response instead of the model's. It is not billed.

    Attributes:
        status: HTTP status code; with 200 a client takes `body` for a successful response.
        message: Message of the error object.
        headers: Additional response headers, such as `retry-after`.
        times: Number of calls that fail. None: every call, or one call if it is an entry of a list.
        hang: Never send a response.
        code: Code of the error object.
        body: Body in place of the error object: a JSON object, or a string sent unchanged.
        content_type: Content type of the body.

    Example:
        >>> Fail(status=429, headers={"retry-after": "1"}, times=2).times
        2
        >>> page = Fail(502, body="<html>Bad gateway</html>", content_type="text/html")
        >>> too_long = Fail(400, "maximum context length is 8192 tokens", code="context_length_exceeded")
    """

    status: int = 500
    message: str = "injected failure"
    headers: Mapping[str, str] = field(default_factory=dict)
    times: int | None = None
    hang: bool = False
    code: str | None = None
    body: Mapping[str, Any] | str | None = None
    content_type: str = "application/json"

    async def meet(self) -> None:
        """Send the error response, or wait until the client disconnects."""
        if self.hang:
            await asyncio.Event().wait()
        headers = {"content-type": self.content_type, **self.headers}
        raise ApiError(self.status, self.message, code=self.code, headers=headers, body=self.body)


@dataclass(frozen=True)
class Stall(Fault):
    """Send nothing for a time, on an open connection.

    Attributes:
        after: Tokens of a stream sent before it. 0: only the headers; None: not even the headers. A shorter stream
            stalls before its end; a plain body in its middle (0: before its first byte).
        seconds: Duration; infinite unless given.

    Example:
        >>> late = Stall(seconds=0.05) & Fail(503)
        >>> never = [Stall(), Stall(after=0), Stall(after=3)]
    """

    after: int | None = None
    seconds: float = math.inf

    async def meet(self) -> None:
        """Wait before the headers, if `after` is None."""
        if self.after is None:
            await asyncio.sleep(self.seconds)

    def send(self, parts: Iterator[Part]) -> Iterator[Part]:
        """Wait in the body, if `after` is given."""
        return parts if self.after is None else insert_after(parts, self.after, Part(pause_s=self.seconds))


@checked_choices()
@dataclass(frozen=True)
class Cut(Fault):
    """Interrupt a response before its finish reason and `[DONE]`. The tokens sent are billed.

    A plain response is billed in full; its body ends in the middle.

    Attributes:
        after: Tokens of a stream sent before it; as in `Stall`.
        how: "close" the connection; "reset" it; or "end" the body correctly, as some proxies do (requires `after`).

    Example:
        >>> cuts = [Cut(how="reset"), Cut(after=3), Cut(after=3, how="end")]
    """

    after: int | None = None
    how: Literal["close", "reset", "end"] = "close"

    def __post_init__(self) -> None:
        if self.after is None and self.how == "end":
            raise ValueError("Cut(how='end') sends headers first: give `after`, such as after=0")

    async def meet(self) -> None:
        """Close the connection before the headers, if `after` is None."""
        if self.after is None:
            raise ConnectionCut(reset=self.how == "reset")

    def send(self, parts: Iterator[Part]) -> Iterator[Part]:
        """End the body early, if `after` is given."""
        return parts if self.after is None else insert_after(parts, self.after, Part(halt=self.how))


@dataclass(frozen=True)
class Insert(Fault):
    """Insert invalid data into the body.

    Attributes:
        what: A JSON object, sent as an event; or a string, sent unchanged and followed by an empty line.
        after: Tokens of a stream sent before it; as in `Stall`.

    Example:
        >>> overloaded = Insert({"error": {"message": "overloaded"}}, after=3) & Cut(after=3, how="end")
        >>> garbage = Insert("data: {oops", after=3)
    """

    what: Mapping[str, Any] | str
    after: int = 0

    def send(self, parts: Iterator[Part]) -> Iterator[Part]:
        """Insert the data after `after` tokens."""
        text = self.what if isinstance(self.what, str) else f"data: {json.dumps(self.what)}"
        return insert_after(parts, self.after, Part(f"{text}\n\n".encode()))


@dataclass(frozen=True)
class Replace(Fault):
    """Replace values in the JSON of a response or of stream events, at any depth. The bill stays correct.

    Attributes:
        values: New value by key; `...` deletes the key. Null values are not replaced.

    Example:
        >>> Replace({"choices": []}).rewrite({"id": "c", "choices": [{"index": 0}]})
        {'id': 'c', 'choices': []}
        >>> faults = [Replace({"completion_tokens": -1}), Replace({"content": 7}), Replace({"usage": ...})]
        >>> filtered = Replace({"content": "", "finish_reason": "content_filter"})
    """

    values: Mapping[str, Any]

    def rewrite(self, payload: Json) -> Json:
        """Return the JSON with the new values."""
        return {key: self._rewrite(key, value) for key, value in payload.items() if not self._drops(key, value)}

    def _drops(self, key: str, value: Any) -> bool:
        return value is not None and self.values.get(key) is ...

    def _rewrite(self, key: str, value: Any) -> Any:
        if key in self.values and value is not None:
            return self.values[key]
        if isinstance(value, dict):
            return self.rewrite(value)
        if isinstance(value, list):
            return [self.rewrite(item) if isinstance(item, dict) else item for item in value]
        return value


@dataclass(frozen=True)
class Say(Fault):
    """Replace the reply of the model; cut to the limit and billed as usual.

    Attributes:
        reply: Text, or a message with tool calls or a `finish_reason` in `response_metadata`.

    Example:
        >>> replies = [Say(""), Say("<think>Four?</think>Four.")]
    """

    reply: CandidateReply

    def say(self, reply: CandidateReply) -> CandidateReply:  # noqa: ARG002
        """Return the new reply."""
        return self.reply


@dataclass(frozen=True)
class Behave(Fault):
    """Replace the behaviour of the model for one call.

    Attributes:
        behaviour: The new behaviour.

    Example:
        >>> once = [Behave(ServerBehaviour(prefix="restart")), None]
    """

    behaviour: ServerBehaviour

    def behave(self, behaviour: ServerBehaviour) -> ServerBehaviour:  # noqa: ARG002
        """Return the new behaviour."""
        return self.behaviour
