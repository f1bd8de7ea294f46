"""One run of the graph, told to whoever watches."""

from collections.abc import Sequence
from types import TracebackType
from typing import Any, Protocol, Self, cast

from langchain_core.messages import AIMessage, AIMessageChunk, AnyMessage

from lightrouter_graph.aggregators import Aggregator
from lightrouter_graph.context import Context
from lightrouter_graph.graph import create_lightrouter
from lightrouter_graph.pool import Pool
from lightrouter_graph.telemetry.events import Event


class Watcher(Protocol):
    """Shows a run while it happens. It is entered before the models are built, and left also when a run breaks off."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, at: TracebackType | None
    ) -> None: ...

    def say(self, line: str) -> None:
        """Show a line about the run; an empty one is nothing to show."""

    def see(self, event: Event) -> None:
        """Something happened."""

    def hear(self, message_id: str | None, token: str) -> None:
        """A piece of a text that may become the answer arrived; a new id is a new beginning."""

    def take(self, message: AIMessage) -> None:
        """The answer is there."""


async def follow(
    pool: Pool,
    messages: Sequence[AnyMessage],
    context: Context,
    watcher: Watcher,
    aggregator: Aggregator | None = None,
) -> AIMessage:
    """Run the graph and let the watcher follow it.

    Returns:
        The answer, with the decision record in its `response_metadata`.

    Raises:
        LightRouterError: What the graph raises.
    """
    graph = create_lightrouter(pool, context=context, aggregator=aggregator).compile(name="lightrouter")
    given = cast("Any", {"messages": list(messages)})
    state: dict[str, Any] = {}
    async for mode, payload in graph.astream(given, stream_mode=["custom", "messages", "values"]):
        match mode, payload:
            case "custom", {"type": "lightrouter"}:
                watcher.see(cast("Event", payload))
            case "messages", (AIMessageChunk() as chunk, _):
                watcher.hear(chunk.id, str(chunk.text))
            case "values", dict():
                state = payload
    answer = state["messages"][-1]
    watcher.take(answer)
    return cast("AIMessage", answer)
