"""Scores mathematical expressions with the library `math-verify` in worker processes with a timeout."""

import asyncio
import os
import sys
import weakref
from importlib import import_module
from multiprocessing import get_context
from typing import Any

from lightrouter_graph.answer_keys import find_json_field
from lightrouter_graph.errors import EvaluationError
from lightrouter_graph.evaluation.optional_dependencies import need
from lightrouter_graph.evaluation.questions import Question

_TIMEOUT_S = 60.0  # math-verify stops itself after 5 s, unless a single operation hangs
_START_TIMEOUT_S = 120.0
_MAX_MEMORY = 2 * 2**30
_MAX_CHARACTERS = 20_000


class MathScorer:
    r"""1 if the expression of an answer equals the reference, as `math-verify` decides; None without a reference.

    The expression is the JSON field "answer" of the text, else what the library finds: a `\boxed{}`, a formula, a
    number. The library stops itself by a signal, which works only in the main thread of a process, and generated
    expressions can hang a computer algebra system. So it runs in worker processes of the library `pebble`, with a
    memory limit and a timeout that kills the worker. An answer without a result in time scores 0.

    Args:
        timeout_s: Seconds until a comparison is killed, > 0.

    Source: github.com/huggingface/Math-Verify.
    """

    def __init__(self, *, timeout_s: float = _TIMEOUT_S) -> None:
        need("math_verify", extra="math", what="scoring mathematical answers")
        pebble = need("pebble", extra="math", what="scoring mathematical answers")
        self._timeout_s = timeout_s
        self._failures = (TimeoutError, pebble.ProcessExpired, MemoryError, RecursionError)
        self._pool = pebble.ProcessPool(os.cpu_count() or 1, context=get_context("spawn"), initializer=_start_worker)
        self._works: bool | None = None
        weakref.finalize(self, _stop, self._pool)

    async def score(self, question: Question, text: str) -> float | None:
        """Score one answer; see `Scorer`. Raises `EvaluationError` if the worker processes do not work."""
        reference = (question.reference or "").strip()
        if not reference:
            return None
        await self._check_workers()
        field = find_json_field(text, question.text, finished=True)
        try:
            equal = await self._compare(reference, text if field is None else f"\\boxed{{{field}}}", self._timeout_s)
        except self._failures:
            return 0.0
        return None if equal is None else float(equal)

    async def _compare(self, reference: str, text: str, timeout_s: float) -> bool | None:
        task = self._pool.schedule(_is_equal, [reference, text[-_MAX_CHARACTERS:]], timeout=timeout_s)
        equal: bool | None = await asyncio.wrap_future(task)
        return equal

    async def _check_workers(self) -> None:
        """Compare "1" with itself once, so that later failures are failures of the answer."""
        if self._works is None:
            try:
                async with asyncio.timeout(_START_TIMEOUT_S):
                    self._works = await self._compare("1", "$1$", _START_TIMEOUT_S) is True
            except (OSError, RuntimeError, *self._failures):
                self._works = False
        if not self._works:
            msg = f"mathematical answers are compared in worker processes, which {sys.executable} cannot start"
            raise EvaluationError(msg)


def _start_worker() -> None:
    try:
        import resource  # noqa: PLC0415 - only on POSIX
    except ImportError:
        pass
    else:
        _, hard = resource.getrlimit(resource.RLIMIT_AS)
        limit = _MAX_MEMORY if hard == resource.RLIM_INFINITY else min(_MAX_MEMORY, hard)
        resource.setrlimit(resource.RLIMIT_AS, (limit, hard))
    import_module("math_verify")


def _is_equal(reference: str, text: str) -> bool | None:
    """Compare the expression in a text with the reference; None if the reference is not an expression."""
    library = import_module("math_verify")
    formula = reference if "$" in reference or "\\boxed" in reference else f"${reference}$"
    right = library.parse(formula) or library.parse(reference)
    if not right:
        return None
    found = library.parse(text)
    return bool(found and library.verify(right, found))


def _stop(pool: Any) -> None:
    pool.stop()
    pool.join()
