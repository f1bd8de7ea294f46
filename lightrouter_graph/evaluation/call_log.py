"""Call log of an evaluation: every model call of one question, recorded by the models and not by the method."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from lightrouter_graph.evaluation.records import ModelCall
from lightrouter_graph.llm.call import current_call
from lightrouter_graph.providers.pricing import Price

_calls: ContextVar[list[ModelCall] | None] = ContextVar("evaluation_calls", default=None)
_sample: ContextVar[int] = ContextVar("evaluation_sample", default=0)


@contextmanager
def log_calls() -> Iterator[list[ModelCall]]:
    """Collect every model call of this task and of its child tasks, in the order in which the calls ended."""
    calls: list[ModelCall] = []
    token = _calls.set(calls)
    try:
        yield calls
    finally:
        _calls.reset(token)


def log_call(call: ModelCall) -> None:
    """Append a call to the list of the enclosing `log_calls`; without one the call is not recorded."""
    calls = _calls.get()
    if calls is not None:
        calls.append(call)


def call_usd(price: Price | None, input_tokens: float, output_tokens: float) -> float | None:
    """Return the cost of a call in USD; None if the price, in USD per 1M tokens, is unknown."""
    return None if price is None else (input_tokens * price.input + output_tokens * price.output) / 1e6


@contextmanager
def request_sample(index: int) -> Iterator[None]:
    """Select, for calls inside the block, which of several independent samples of a prompt is returned (0-based)."""
    token = _sample.set(index)
    try:
        yield
    finally:
        _sample.reset(token)


def requested_sample() -> int:
    """Return the index of the selected sample; 0 outside of `request_sample`."""
    return _sample.get()


def current_stage() -> str:
    """Return the stage of the current model call: "boot", "select", "generate" or "aggregate"."""
    call = current_call()
    return "generate" if call is None else call.stage


def current_layer() -> int:
    """Return the 1-based layer of the current model call."""
    call = current_call()
    return 1 if call is None else call.layer
