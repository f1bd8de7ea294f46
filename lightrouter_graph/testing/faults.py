"""What goes wrong in one call of a recorded model."""

import asyncio
import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from lightrouter_graph.testing.deltas import Said
from lightrouter_graph.testing.habits import Habits
from lightrouter_graph.testing.openai_shapes import ApiError, Json
from lightrouter_graph.testing.wire import ConnectionCut, Part, insert_after


class Fault:
    """One thing that goes wrong; this one is nothing. Each kind of fault changes one step of a call.

    `one & other` has both; what is given first happens first. All hold for plain and for streamed answers. A test
    may make kinds of its own.

    Example:
        >>> late = Stall(seconds=0.01) & Fail(429, headers={"retry-after": "1"})
        >>> garbled = Insert("data: {oops", after=3) & Cut(after=3)
    """

    times: int | None = None
    """For how many calls it holds where it stands alone or in a list; None for all, in a list for one."""

    def __and__(self, other: "Fault") -> "Fault":
        return Both(self, other) if isinstance(other, Fault) else NotImplemented

    async def meet(self) -> None:
        """What happens before the model is asked.

        Raises:
            ApiError: To answer with that, in the model's place.
            ConnectionCut: To answer nothing.
        """

    def behave(self, habits: Habits) -> Habits:
        """The habits of the model in this call."""
        return habits

    def say(self, said: Said) -> Said:
        """What the model says."""
        return said

    def rewrite(self, payload: Json) -> Json:
        """The JSON of the answer, or of one event of the stream."""
        return payload

    def send(self, parts: Iterator[Part]) -> Iterator[Part]:
        """The parts of the body."""
        return parts


HEALTHY = Fault()
"""What a call meets that meets no fault."""


class Both(Fault):
    """Two faults in one call."""

    def __init__(self, first: Fault, second: Fault) -> None:
        self._first, self._second = first, second
        self.times = first.times if second.times is None else second.times

    def __repr__(self) -> str:
        return f"{self._first!r} & {self._second!r}"

    async def meet(self) -> None:
        """Meet the first, then the second."""
        await self._first.meet()
        await self._second.meet()

    def behave(self, habits: Habits) -> Habits:
        """The habits of the second, or else the first."""
        return self._second.behave(self._first.behave(habits))

    def say(self, said: Said) -> Said:
        """What the second makes the model say, or else the first."""
        return self._second.say(self._first.say(said))

    def rewrite(self, payload: Json) -> Json:
        """Both changes, the first one first."""
        return self._second.rewrite(self._first.rewrite(payload))

    def send(self, parts: Iterator[Part]) -> Iterator[Part]:
        """Both changes; at one place that of the first stands first."""
        return self._first.send(self._second.send(parts))


@dataclass(frozen=True)
class Fail(Fault):
    """An answer in place of the model's; it costs nothing.

    Attributes:
        status: The HTTP status; with 200 the `body` is a success to the client.
        message: The message in the error body.
        headers: Further response headers, such as `retry-after`.
        times: How many calls fail before the model recovers; None for all, in a list for one.
        hang: Never answer, in place of an HTTP error.
        code: The code in the error body.
        body: A body of its own: JSON, or a text sent as it is.
        content_type: The type of the body.

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
        """Answer, or never."""
        if self.hang:
            await asyncio.Event().wait()
        headers = {"content-type": self.content_type, **self.headers}
        raise ApiError(self.status, self.message, code=self.code, headers=headers, body=self.body)


@dataclass(frozen=True)
class Stall(Fault):
    """Silence on an open connection.

    Attributes:
        after: The tokens of a stream that come first; 0 for the headers alone, None for not even these. A shorter
            stream stalls before its end, a plain body in its middle (0: before its first byte).
        seconds: How long it lasts; it does not end unless given.

    Example:
        >>> late = Stall(seconds=0.05) & Fail(503)
        >>> never = [Stall(), Stall(after=0), Stall(after=3)]
    """

    after: int | None = None
    seconds: float = math.inf

    async def meet(self) -> None:
        """Wait where not even headers come."""
        if self.after is None:
            await asyncio.sleep(self.seconds)

    def send(self, parts: Iterator[Part]) -> Iterator[Part]:
        """Wait in the middle."""
        return parts if self.after is None else insert_after(parts, self.after, Part(pause_s=self.seconds))


@dataclass(frozen=True)
class Cut(Fault):
    """An answer that breaks off, with neither finish reason nor `[DONE]`. What was sent is billed.

    A plain answer is produced and billed whole; its body breaks off in the middle, short of its content-length.

    Attributes:
        after: The tokens of a stream that come first; as in `Stall`.
        how: "close" the connection; "reset" it; or "end" the response in good order, as a careless proxy does
            (with an `after`).

    Example:
        >>> cuts = [Cut(how="reset"), Cut(after=3), Cut(after=3, how="end")]
    """

    after: int | None = None
    how: Literal["close", "reset", "end"] = "close"

    def __post_init__(self) -> None:
        if self.after is None and self.how == "end":
            raise ValueError("a response needs its headers to end in good order: give `after`")

    async def meet(self) -> None:
        """Close where not even headers come."""
        if self.after is None:
            raise ConnectionCut(reset=self.how == "reset")

    def send(self, parts: Iterator[Part]) -> Iterator[Part]:
        """Break off in the middle."""
        return parts if self.after is None else insert_after(parts, self.after, Part(halt=self.how))


@dataclass(frozen=True)
class Insert(Fault):
    """Something that has no place in the body.

    Attributes:
        what: An object, sent as an event, or a text, sent as it is (with an empty line after it).
        after: The tokens of a stream before it; as in `Stall`.

    Example:
        >>> overloaded = Insert({"error": {"message": "overloaded"}}, after=3) & Cut(after=3, how="end")
        >>> garbage = Insert("data: {oops", after=3)
    """

    what: Mapping[str, Any] | str
    after: int = 0

    def send(self, parts: Iterator[Part]) -> Iterator[Part]:
        """Put it in."""
        text = self.what if isinstance(self.what, str) else f"data: {json.dumps(self.what)}"
        return insert_after(parts, self.after, Part(f"{text}\n\n".encode()))


@dataclass(frozen=True)
class Replace(Fault):
    """Wrong values in the JSON of an answer or of the events of a stream, wherever their key is. The bill is right.

    Attributes:
        values: The value of each key; `...` leaves the key out. What is null stays null.

    Example:
        >>> Replace({"choices": []}).rewrite({"id": "c", "choices": [{"index": 0}]})
        {'id': 'c', 'choices': []}
        >>> faults = [Replace({"completion_tokens": -1}), Replace({"content": 7}), Replace({"usage": ...})]
        >>> filtered = Replace({"content": "", "finish_reason": "content_filter"})
    """

    values: Mapping[str, Any]

    def rewrite(self, payload: Json) -> Json:
        """Put the values in."""
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
    """Other words than the recorded ones, cut and billed like them.

    Attributes:
        said: The text, or a message where the model calls tools or ends in a way of its own.

    Example:
        >>> words = [Say(""), Say("<think>Four?</think>Four.")]
    """

    said: Said

    def say(self, said: Said) -> Said:  # noqa: ARG002
        """Say that."""
        return self.said


@dataclass(frozen=True)
class Behave(Fault):
    """Habits for one call, in place of the model's.

    Attributes:
        habits: These.

    Example:
        >>> once = [Behave(Habits(prefix="restart")), None]
    """

    habits: Habits

    def behave(self, habits: Habits) -> Habits:  # noqa: ARG002
        """Behave like that."""
        return self.habits
