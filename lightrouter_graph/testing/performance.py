"""What one request to a recorded model gets: what the model says, cut as the request asks, at the model's pace."""

from collections.abc import Sequence
from dataclasses import dataclass

from langchain_core.messages import AIMessage

from lightrouter_graph.testing.billing import Kind
from lightrouter_graph.testing.deltas import Delta, Said, make_deltas, make_text_deltas, merge_deltas
from lightrouter_graph.testing.habits import Habits
from lightrouter_graph.testing.openai_shapes import Ask, Json, make_usage, text_of
from lightrouter_graph.testing.timing import Timing
from lightrouter_graph.testing.tokens import count_prompt_tokens


@dataclass(frozen=True, slots=True)
class Performance:
    """What one request gets; `deltas` has an entry per token."""

    call_id: str
    model: str
    kind: Kind
    deltas: Sequence[Delta | None]
    finish_reason: str
    input_tokens: int
    timing: Timing
    reasoning_tokens: int = 0

    @property
    def message(self) -> Json:
        """All deltas together."""
        return merge_deltas(self.deltas)

    @property
    def opens_with_text(self) -> bool:
        """Whether the first thing to hear is not a tool call."""
        first = next(filter(None, self.deltas), None)
        return first is None or "content" in first

    @property
    def duration_s(self) -> float:
        """Seconds from the request to the last token."""
        return self.timing.due_s(max(0, len(self.deltas) - 1))

    @property
    def usage(self) -> Json:
        """Its token counts in the API's words."""
        return make_usage(self.input_tokens, len(self.deltas), self.reasoning_tokens)


def rehearse(ask: Ask, said: Said, habits: Habits, timing: Timing, *, call_id: str, input_tokens: int) -> Performance:
    """Fit what a model says to a request: to its prefix, its stop sequences and its limit, in this order.

    A stop sequence ends the text before it, and leaves no tool calls; a limit may end the arguments of one.
    Reasoning comes first and counts towards the limit.
    """
    message = said if isinstance(said, AIMessage) else AIMessage(said)
    rest, kind = _continue(str(message.text), ask.prefix or "", habits)
    text = cut_at(rest, ask.stop)
    stopped = len(text) < len(rest)
    thoughts = list(habits.reasoning.deltas(ask.body)) if habits.reasoning else []
    deltas = thoughts + (list(make_text_deltas(text)) if stopped else make_deltas(message, text, call_id))
    fits = ask.limit is None or len(deltas) <= ask.limit
    return Performance(
        call_id=call_id,
        model=ask.model,
        kind=kind,
        deltas=deltas[: ask.limit],
        finish_reason=_find_end(message, stopped=stopped) if fits else "length",
        input_tokens=input_tokens,
        timing=timing,
        reasoning_tokens=len(thoughts[: ask.limit]),
    )


def cut_at(text: str, stops: Sequence[str]) -> str:
    """Keep a text up to the first of the stop sequences in it."""
    return text[: min((place for stop in stops if (place := text.find(stop)) >= 0), default=None)]


def count_input(ask: Ask) -> int:
    """Count the tokens of a request's messages, of which only the texts count."""
    return count_prompt_tokens(map(text_of, ask.messages))


def _continue(whole: str, prefix: str, habits: Habits) -> tuple[str, Kind]:
    if not prefix or habits.prefix == "restart":
        return whole, "completion"
    if habits.prefix == "repeat":
        return prefix + whole.removeprefix(prefix), "continuation"
    return (whole.removeprefix(prefix), "continuation") if whole.startswith(prefix) else (whole, "completion")


def _find_end(message: AIMessage, *, stopped: bool) -> str:
    if stopped:
        return "stop"
    usual = "tool_calls" if message.tool_calls or message.invalid_tool_calls else "stop"
    return str(message.response_metadata.get("finish_reason") or usual)
