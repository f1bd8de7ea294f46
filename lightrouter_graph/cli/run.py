"""Runs the graph on one question and streams it to a view."""

from collections.abc import Sequence
from types import TracebackType
from typing import Any, Protocol, Self, cast

from langchain_core.messages import AIMessage, AIMessageChunk, AnyMessage

from lightrouter_graph.aggregators import Aggregator
from lightrouter_graph.context import Context
from lightrouter_graph.graph import create_lightrouter
from lightrouter_graph.pool import Pool
from lightrouter_graph.telemetry.events import Event


class RunView(Protocol):
    """Shows the stream of a graph run. A context manager: entered before the models are built, exited on exceptions."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, at: TracebackType | None
    ) -> None: ...

    def on_line(self, line: str) -> None:
        """Show one status message.

        Args:
            line: String; nothing is shown if it is empty.
        """

    def on_event(self, event: Event) -> None:
        """Show one event.

        Args:
            event: An event of the graph's custom stream.
        """

    def on_token(self, message_id: str | None, token: str) -> None:
        """Show one token of the answer.

        Args:
            message_id: Id of the message chunk; a new id replaces the text of the previous message.
            token: Text of a chunk of the messages stream; may be empty.
        """

    def on_answer(self, message: AIMessage) -> None:
        """Show the final message.

        Args:
            message: The answer, with the decision record in its `response_metadata`.
        """


async def run_query(
    pool: Pool,
    messages: Sequence[AnyMessage],
    context: Context,
    view: RunView,
    aggregator: Aggregator | None = None,
) -> AIMessage:
    """Run the graph and send its stream to a view.

    Args:
        pool: Candidates to query.
        messages: The conversation, a list of at least one message.
        context: Settings of the run.
        view: Receives events, tokens and the final message.
        aggregator: Merges the answers; None = the default aggregator.

    Returns:
        The final message, with the decision record in `response_metadata["lightrouter"]`.

    Raises:
        LightRouterError: Any error of the graph.
    """
    graph = create_lightrouter(pool, context=context, aggregator=aggregator).compile(name="lightrouter")
    inputs = cast("Any", {"messages": list(messages)})
    state: dict[str, Any] = {}
    async for mode, payload in graph.astream(inputs, stream_mode=["custom", "messages", "values"]):
        match mode, payload:
            case "custom", {"type": "lightrouter"}:
                view.on_event(cast("Event", payload))
            case "messages", (AIMessageChunk() as chunk, _):
                view.on_token(chunk.id, str(chunk.text))
            case "values", dict():
                state = payload
    answer = state["messages"][-1]
    view.on_answer(answer)
    return cast("AIMessage", answer)
