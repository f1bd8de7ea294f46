"""What the models themselves saw of a run: one account for all methods, kept outside of any of them."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from lightrouter_graph.evaluation.records import ModelCall

_ledger: ContextVar[list[ModelCall] | None] = ContextVar("evaluation_ledger", default=None)
_sample: ContextVar[int] = ContextVar("evaluation_sample", default=0)


@contextmanager
def ledger() -> Iterator[list[ModelCall]]:
    """Collect every model call made inside, in this task and those it begins, in the order in which they ended."""
    calls: list[ModelCall] = []
    token = _ledger.set(calls)
    try:
        yield calls
    finally:
        _ledger.reset(token)


def enter(call: ModelCall) -> None:
    """Write a call down; nobody reads it outside of a `ledger()`."""
    calls = _ledger.get()
    if calls is not None:
        calls.append(call)


@contextmanager
def sample_wanted(number: int) -> Iterator[None]:
    """Ask inside for the sample of that number, from 0, where a prompt is put several times."""
    token = _sample.set(number)
    try:
        yield
    finally:
        _sample.reset(token)


def wanted_sample() -> int:
    """Return which sample of a prompt is wanted; 0 unless someone said otherwise."""
    return _sample.get()
