"""Answers that are mathematical expressions: right when they are equal, in whatever form."""

import asyncio
import contextlib
import json
import os
import subprocess
import sys
import weakref
from collections import deque
from importlib.util import find_spec
from pathlib import Path

import anyio

from lightrouter_graph.answer_keys import find_json_field
from lightrouter_graph.errors import EvaluationError
from lightrouter_graph.evaluation.optional_dependencies import need
from lightrouter_graph.evaluation.questions import Question
from lightrouter_graph.evaluation.scoring.math_worker import EQUAL, NOT_READ

_PATIENCE_S = 60.0
"""The comparison gives up by itself after a few seconds, unless it hangs in a single long operation."""


class MathScorer:
    r"""1 where the expression an answer gives equals the reference, as the library `math-verify` finds.

    The expression is the JSON field "answer" of the text, else what the library finds: a `\boxed{}`, a formula, a
    number. The library stops itself by a signal, which only works in the main thread of a process, and what models
    write can hang a computer algebra system. So it runs in worker processes, which are limited in memory and killed
    when they take too long. An answer that cannot be compared in time is not right.

    Args:
        patience_s: Seconds after which a comparison that did not stop itself is killed, > 0.

    Raises:
        EvaluationError: If `math-verify` is not installed.

    Source: github.com/huggingface/Math-Verify.
    """

    def __init__(self, *, patience_s: float = _PATIENCE_S) -> None:
        if find_spec("math_verify") is None:
            need("math_verify", extra="math", what="scoring mathematical answers")
        self._patience_s = patience_s
        self._places = anyio.CapacityLimiter(os.cpu_count() or 1)
        self._idle: deque[_Worker] = deque()

    async def score(self, question: Question, text: str) -> float | None:
        """Score one answer; None without a reference that can be read.

        Raises:
            EvaluationError: If worker processes cannot be started, or do not work.
        """
        reference = (question.reference or "").strip()
        if not reference:
            return None
        field = find_json_field(text, question.text, finished=True)
        async with self._places:
            verdict = await self._compare(reference, text if field is None else f"\\boxed{{{field}}}")
        return None if verdict == NOT_READ else float(verdict == EQUAL)

    async def _compare(self, reference: str, text: str) -> int | None:
        """Compare in a worker; None where that took too long, or broke it."""
        worker = self._idle.pop() if self._idle else await _started()
        found = None
        try:
            async with asyncio.timeout(self._patience_s):
                found = await asyncio.to_thread(worker.compare, reference, text)
        except TimeoutError:
            return None
        finally:
            if found is None:
                worker.end()
            else:
                self._idle.append(worker)
        return found


class _Worker:
    """A process that compares, one pair after the other; it ends with this object."""

    def __init__(self) -> None:
        script = Path(__file__).with_name("math_worker.py")
        self._process = subprocess.Popen(  # noqa: S603 - our own script
            [sys.executable, "-P", str(script)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            text=True,
            encoding="utf-8",
        )
        self.end = weakref.finalize(self, _end, self._process)

    def compare(self, reference: str, text: str) -> int | None:
        """Wait for the comparison; None where the process ended meanwhile."""
        told, said = self._process.stdin, self._process.stdout
        assert told is not None
        assert said is not None
        try:
            told.write(json.dumps([reference, text]) + "\n")
            told.flush()
            reply = said.readline()
        except (OSError, ValueError):  # its pipes broke, or were closed
            return None
        return int(reply) if reply else None


async def _started() -> _Worker:
    """Start a worker and make sure that a failure to come can only be the answer's fault."""
    try:
        worker = await asyncio.to_thread(_Worker)
    except OSError as exc:
        msg = f"mathematical answers are compared in a process of its own, which could not be started ({exc})"
        raise EvaluationError(msg) from exc
    works = None
    try:
        async with asyncio.timeout(_PATIENCE_S):
            works = await asyncio.to_thread(worker.compare, "1", "$1$")
    except TimeoutError:
        works = None
    finally:
        if works != EQUAL:
            worker.end()
    if works != EQUAL:
        msg = f"mathematical answers are compared in a process of its own, in which {sys.executable} cannot do it"
        raise EvaluationError(msg)
    return worker


def _end(process: "subprocess.Popen[str]") -> None:
    process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout):
        with contextlib.suppress(OSError):  # what was not sent cannot be any more
            if pipe is not None:
                pipe.close()
