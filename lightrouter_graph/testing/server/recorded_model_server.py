"""OpenAI-compatible server on 127.0.0.1 that replays recorded models."""

import asyncio
import warnings
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final, Self

from lightrouter_graph.testing.gauge import Gauge
from lightrouter_graph.testing.server.app import RecordedModels, Responder
from lightrouter_graph.testing.server.behaviours import ServerBehaviour
from lightrouter_graph.testing.server.billing import Bill, Kind, RecordedRequest
from lightrouter_graph.testing.server.fault_plans import FaultPlan, FaultPlans
from lightrouter_graph.testing.server.recordings import Recordings
from lightrouter_graph.testing.server.uvicorn_thread import ServerThread
from lightrouter_graph.testing.timing import Timing


class RecordedModelServer:
    """Serves recorded models over the OpenAI chat completions API and counts the tokens it bills.

    Endpoints: `POST /v1/chat/completions`, `GET /v1/models`, `GET /healthz`. A recording is found by its question: the
    last user message that equals, or else contains, a recorded question (white space ignored).
    `max_tokens`, `max_completion_tokens`, `stop`, `stream` and `stream_options.include_usage` are applied.
    With `continue_final_message: true`, a final assistant message is continued if the recorded text starts with it.
    Otherwise, and without the flag, the whole text is sent. Sampling parameters and `n` are ignored; `tools` and
    `response_format` are left to responders. `count_tokens` counts the tokens, an approximation: those of the message
    texts for a prompt, those of names and JSON arguments for tool calls. A limit may cut tool calls anywhere.

    A model stops producing and billing tokens when its client disconnects. The bill is complete once the server has
    noticed the disconnect, see `wait_until_idle`. An error response, including `Fail`, is not billed. A call that hangs
    or is interrupted is billed for its input and the tokens produced so far.

    Args:
        source: A `.jsonl` or `.jsonl.gz` file, or records like
            `{"question": ..., "outputs": {model: {"text": ..., "tool_calls": [...]}}}`, with either or both.
        responders: Functions of the request body that compute the reply of a model, such as a judge. They return a
            string, or an `AIMessage` to call tools or to set `finish_reason` in `response_metadata`. They run in the
            server's thread, one at a time, and replace recordings of the same model.
        timings: Timing of each model.
        timing: Timing of all other models; without it they respond at once.
        behaviours: Deviations of each model from the API; see `ServerBehaviour`.
        failures: Faults of each model, call by call; see `FaultPlan` and the subclasses of `Fault`.
        api_key: Required API key; None accepts requests with any key or none. Logs and reprs do not contain it.
        port: TCP port; 0 for a free one.
        habits: Deprecated name of `behaviours`.

    Attributes:
        responders: Responder by model. This and the next three may be changed while the server runs.
        timings: Timing by model.
        behaviours: Behaviour by model.
        failures: Fault plan by model. Call numbers start when a plan is set, and again after `reset`.
        in_flight: Concurrency gauge of the requests in flight.
        connections: Concurrency gauge of the open connections, idle keep-alive connections included.

    Example:
        >>> import httpx
        >>> record = {"question": "2 + 2?", "outputs": {"small": {"text": "It is four."}}}
        >>> with RecordedModelServer([record]) as server:
        ...     body = {"model": "small", "messages": [{"role": "user", "content": "2 + 2?"}], "max_tokens": 2}
        ...     response = httpx.post(f"{server.base_url}/chat/completions", json=body).json()
        >>> response["choices"][0]["message"]["content"]
        'It is'
        >>> server.total()
        Bill(calls=1, input_tokens=8, output_tokens=2, cancelled=0)

        A model whose first call is rate limited and whose second call is delayed:

        >>> from lightrouter_graph.testing import Fail, Stall
        >>> plan = [Fail(429, headers={"retry-after": "1"}), Stall(seconds=0.01), None]
        >>> with RecordedModelServer([record], failures={"small": plan}) as server:
        ...     [httpx.post(f"{server.base_url}/chat/completions", json=body).status_code for _ in range(3)]
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
        behaviours: Mapping[str, ServerBehaviour] | None = None,
        failures: Mapping[str, FaultPlan] | None = None,
        api_key: str | None = None,
        port: int = 0,
        habits: Mapping[str, ServerBehaviour] | None = None,
    ) -> None:
        if habits is not None:
            _warn_of_habits()
        self.responders: Final = dict(responders or {})
        self.timings: Final = dict(timings or {})
        self.behaviours: Final = dict(behaviours or habits or {})
        self.failures: Final = dict(failures or {})
        self.in_flight: Final = Gauge()
        self.connections: Final = Gauge()
        self._app = RecordedModels(
            recordings=Recordings(source),
            responders=self.responders,
            timings=self.timings,
            default_timing=timing or Timing(),
            behaviours=self.behaviours,
            plans=FaultPlans(self.failures),
            api_key=api_key,
            in_flight=self.in_flight,
        )
        self._requested_port = port
        self._thread: ServerThread | None = None

    def __repr__(self) -> str:
        where = f"port={self._thread.port}" if self._thread else "not running"
        return f"<RecordedModelServer {where}, questions={len(self._app.recordings)}, models={self.models}>"

    @property
    def base_url(self) -> str:
        """Base URL for clients, ending in `/v1`.

        Raises:
            RuntimeError: If the server does not run.
        """
        if self._thread is None:
            raise RuntimeError("the server is not running: it runs only inside its `with` block, or after `start()`")
        return f"http://127.0.0.1:{self._thread.port}/v1"

    @property
    def models(self) -> list[str]:
        """Sorted names of the models."""
        return self._app.models

    @property
    def habits(self) -> dict[str, ServerBehaviour]:
        """Deprecated name of `behaviours`."""
        _warn_of_habits()
        return self.behaviours

    @property
    def billed(self) -> dict[tuple[str, Kind], Bill]:
        """Bill by model and kind of call ("completion", "continuation")."""
        return self._app.log.bills

    @property
    def requests(self) -> list[RecordedRequest]:
        """All completion requests in order of arrival, refused requests included."""
        return self._app.log.requests

    def total(self) -> Bill:
        """Return the sum of all bills."""
        return sum(self.billed.values(), Bill())

    def reset(self) -> None:
        """Delete bills and requests; restart call numbers and gauges."""
        self._app.log.clear()
        self._app.plans.restart()
        self.in_flight.restart()
        self.connections.restart()

    def wait_until_idle(self, timeout_s: float = 5.0) -> None:
        """Block until every request that reached the server has ended and is billed.

        Args:
            timeout_s: Maximum wait in seconds.

        Raises:
            TimeoutError: If a request is still in flight after `timeout_s`.
        """
        if not self.in_flight.wait_until_none(timeout_s):
            msg = f"{self.in_flight.now} request(s) still in flight after {timeout_s} s"
            raise TimeoutError(msg)

    def start(self) -> Self:
        """Start the server in a thread.

        Raises:
            RuntimeError: If it is running already.
            OSError: If the port is in use.
        """
        if self._thread is not None:
            msg = f"the server is already running on port {self._thread.port}"
            raise RuntimeError(msg)
        thread = ServerThread(self._app, self._requested_port, self.connections)
        thread.start()
        self._thread = thread
        return self

    def stop(self) -> None:
        """Close all connections, end thread and socket; bills and requests are kept."""
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


def _warn_of_habits() -> None:
    warnings.warn("`habits` is now `behaviours`", DeprecationWarning, stacklevel=3)
