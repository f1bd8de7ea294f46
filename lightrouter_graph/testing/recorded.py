"""An OpenAI-compatible server on the loopback interface that plays recorded models."""

import asyncio
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from lightrouter_graph.testing.billing import Bill, Kind, RecordedRequest
from lightrouter_graph.testing.endpoint import RecordedModels, Responder
from lightrouter_graph.testing.gauge import Gauge
from lightrouter_graph.testing.habits import Habits
from lightrouter_graph.testing.plans import FaultPlan, Plans
from lightrouter_graph.testing.recordings import Recordings
from lightrouter_graph.testing.timing import Timing

if TYPE_CHECKING:
    from lightrouter_graph.testing.serving import ServerThread


class RecordedModelServer:
    """Plays recorded models over the OpenAI chat completions API, and keeps the bill.

    Endpoints: `POST /v1/chat/completions`, `GET /v1/models`, `GET /healthz`, on 127.0.0.1 only. The recording is
    found by its question: the last message of the user that equals, else contains, a known one (white space
    aside). `max_tokens`, `max_completion_tokens`, `stop`, `stream` and `stream_options.include_usage` are honoured.
    With `continue_final_message: true` a final assistant message is continued where the recorded text starts with
    it, and otherwise, as without the flag, the text comes from its beginning. Sampling and `n` are ignored; `tools`
    and `response_format` are for a responder to read. Tokens are counted by `count_tokens`, an approximation: of a
    prompt those of its texts, of tool calls those of their names and JSON arguments, which a limit cuts anywhere.

    A model stops producing, and billing, when its client goes away; the bill is complete once the server has
    noticed, see `wait_until_idle`. A call answered with an error, or by `Fail`, costs nothing; one that hangs or
    breaks off costs its input and what it had produced.

    Args:
        source: A `.jsonl` or `.jsonl.gz` file, or records like
            `{"question": ..., "outputs": {model: {"text": ..., "tool_calls": [...]}}}`, with either or both.
        responders: Models played by a function of the request body, such as a judge. It returns a text or, to
            call tools or to end in a way of its own (`finish_reason` in `response_metadata`), an `AIMessage`.
            They run in the server's thread, one at a time, and go before recordings of the same name.
        timings: How fast each model is.
        timing: How fast all other models are; at once unless given.
        habits: What each model does otherwise than most; see `Habits`.
        failures: How models fail, call by call; see `FaultPlan` and the kinds of `Fault`.
        api_key: The key that `/v1` asks for; None for any or none. It is kept out of logs and reprs.
        port: The port, 0 for a free one.

    `responders`, `timings`, `habits` and `failures` may be changed while the server runs.

    Example:
        >>> import httpx
        >>> record = {"question": "2 + 2?", "outputs": {"small": {"text": "It is four."}}}
        >>> with RecordedModelServer([record]) as server:
        ...     ask = {"model": "small", "messages": [{"role": "user", "content": "2 + 2?"}], "max_tokens": 2}
        ...     reply = httpx.post(f"{server.base_url}/chat/completions", json=ask).json()
        >>> reply["choices"][0]["message"]["content"]
        'It is'
        >>> server.total()
        Bill(calls=1, input_tokens=8, output_tokens=2, cancelled=0)

        A model whose first call is refused and whose second comes late:

        >>> from lightrouter_graph.testing import Fail, Stall
        >>> plan = [Fail(429, headers={"retry-after": "1"}), Stall(seconds=0.01), None]
        >>> with RecordedModelServer([record], failures={"small": plan}) as server:
        ...     [httpx.post(f"{server.base_url}/chat/completions", json=ask).status_code for _ in range(3)]
        [429, 200, 200]

        A model that calls a tool:

        >>> from langchain_core.messages import AIMessage
        >>> from langchain_openai import ChatOpenAI
        >>> add = {"name": "add", "args": {"a": 2, "b": 2}, "id": "call-1"}
        >>> with RecordedModelServer(responders={"adder": lambda body: AIMessage("", tool_calls=[add])}) as server:
        ...     message = ChatOpenAI(model="adder", base_url=server.base_url, api_key="any").invoke("2 + 2?")
        >>> [(call["name"], call["args"]) for call in message.tool_calls]
        [('add', {'a': 2, 'b': 2})]
    """

    def __init__(
        self,
        source: str | Path | Iterable[Mapping[str, Any]] = (),
        *,
        responders: Mapping[str, Responder] | None = None,
        timings: Mapping[str, Timing] | None = None,
        timing: Timing | None = None,
        habits: Mapping[str, Habits] | None = None,
        failures: Mapping[str, FaultPlan] | None = None,
        api_key: str | None = None,
        port: int = 0,
    ) -> None:
        self._app = RecordedModels(
            recordings=Recordings(source),
            responders=dict(responders or {}),
            timings=dict(timings or {}),
            default_timing=timing or Timing(),
            habits=dict(habits or {}),
            plans=Plans(dict(failures or {})),
            api_key=api_key,
        )
        self._connections = Gauge()
        self._asked_port = port
        self._thread: ServerThread | None = None

    def __repr__(self) -> str:
        where = f"port={self._thread.port}" if self._thread else "not running"
        return f"<RecordedModelServer {where}, questions={len(self._app.recordings)}, models={self.models}>"

    @property
    def base_url(self) -> str:
        """Where the API is while the server runs, ending in `/v1`."""
        if self._thread is None:
            raise RuntimeError("the server runs only inside its `with` block")
        return f"http://127.0.0.1:{self._thread.port}/v1"

    @property
    def models(self) -> list[str]:
        """The models it plays."""
        return sorted({*self._app.recordings.models, *self.responders})

    @property
    def responders(self) -> dict[str, Responder]:
        """The models played by functions; may be changed."""
        return self._app.responders

    @property
    def timings(self) -> dict[str, Timing]:
        """How fast each model is; may be changed."""
        return self._app.timings

    @property
    def habits(self) -> dict[str, Habits]:
        """What each model does otherwise than most; may be changed."""
        return self._app.habits

    @property
    def failures(self) -> dict[str, FaultPlan]:
        """How models fail; may be changed. A plan counts the calls from when it was set, and anew after `reset`."""
        return self._app.plans.by_model

    @property
    def in_flight(self) -> Gauge:
        """The requests being served: now, at most, and when the last one ended."""
        return self._app.in_flight

    @property
    def connections(self) -> Gauge:
        """The open connections, those kept alive between requests included, and when the last one closed."""
        return self._connections

    @property
    def billed(self) -> dict[tuple[str, Kind], Bill]:
        """The bill of each model and kind of call ("completion", "continuation")."""
        return self._app.ledger.bills

    @property
    def requests(self) -> list[RecordedRequest]:
        """All requests for completions, in the order of their arrival, refused ones included."""
        return self._app.ledger.requests

    def total(self) -> Bill:
        """All bills together."""
        return sum(self.billed.values(), Bill())

    def reset(self) -> None:
        """Forget bills and requests, and let plans and gauges start anew."""
        self._app.ledger.clear()
        self._app.plans.restart()
        self.in_flight.restart()
        self.connections.restart()

    def wait_until_idle(self, timeout_s: float = 5.0) -> None:
        """Block until every request that reached the server has ended and is billed.

        Raises:
            TimeoutError: If one is still in flight after `timeout_s`.
        """
        if not self.in_flight.wait_until_none(timeout_s):
            msg = f"a request is still in flight after {timeout_s} s"
            raise TimeoutError(msg)

    def start(self) -> Self:
        """Serve, in a thread of its own.

        Raises:
            ImportError: If uvicorn is not installed.
        """
        # Imported here so that scripted models need no server.
        from lightrouter_graph.testing.serving import ServerThread  # noqa: PLC0415

        if self._thread is not None:
            raise RuntimeError("the server is running already")
        thread = ServerThread(self._app, self._asked_port, self._connections)
        thread.start()
        self._thread = thread
        return self

    def stop(self) -> None:
        """End all requests, the thread and the socket; the bills stay."""
        thread, self._thread = self._thread, None
        if thread is not None:
            thread.stop()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    async def __aenter__(self) -> Self:
        return await asyncio.to_thread(self.start)

    async def __aexit__(self, *_: object) -> None:
        await asyncio.to_thread(self.stop)
