"""Answers in code: right when their unit tests pass."""

import ast
import os
import re
import warnings

import anyio

from lightrouter_graph.errors import EvaluationError
from lightrouter_graph.evaluation.questions import Question
from lightrouter_graph.evaluation.scoring.sandbox import Limits, passes

_FENCED = re.compile(r"^[ \t]*```[ \t]*(\w*)[^\n]*\n(.*?)^[ \t]*```", re.DOTALL | re.MULTILINE)
_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_PYTHON = frozenset({"", "py", "python", "python3"})


class CodeScorer:
    """1 where the code of an answer passes the tests of its question, in a subprocess of its own.

    What the subprocess has: its own session, limits on CPU time, memory, file size, open files and processes, a wall
    clock, an empty working directory, an empty environment, no site-packages, no output but the verdict. When it is
    over, all that it started is killed. Where `unshare` of util-linux works, it has no network and no sight of other
    processes. Where this package runs as root, the subprocess becomes a user who owns nothing.

    What it does not protect from:

    * Files: the code can read what its user can read, and write small files where its user may write, as many as fit on
      the disk. It cannot send what it reads, where there is no network (`sandbox.isolation` says).
    * An answer written to deceive this very harness: code and tests share an interpreter, so it may look for the token
      in memory, return objects that are equal to everything, or change the libraries that tests use. Leaving early,
      printing success and replacing builtins do not help it.
    * Where there are no namespaces, what leaves the session: it is limited, but not killed.
    * Faults of the kernel. For code from an adversary, use a virtual machine.

    Args:
        limits: What an answer may take.
        at_once: Most subprocesses at a time, >= 1; None for the number of CPUs.
    """

    def __init__(self, limits: Limits | None = None, *, at_once: int | None = None) -> None:
        self._limits = limits or Limits()
        self._places = anyio.CapacityLimiter(at_once or os.cpu_count() or 1)
        self._works = False

    async def score(self, question: Question, text: str) -> float | None:
        """Score one answer; None for a question without tests.

        Raises:
            EvaluationError: If this system has no sandbox, or nothing can run in it.
        """
        if not question.tests.strip():
            return None
        code = extract_code(text)
        if code is None:
            return 0.0
        async with self._places:
            await self._try_once()
            return float(await passes(code, question.tests, self._limits))

    async def _try_once(self) -> None:
        """Make sure that a failure to come can only be the answer's fault."""
        if not self._works and not await passes("one = 1", "assert one == 1", self._limits):
            msg = f"code cannot be scored: within {self._limits} not even `one = 1` runs on this machine"
            raise EvaluationError(msg)
        self._works = True


def extract_code(text: str) -> str | None:
    """Take the code out of an answer.

    Returns:
        The last fenced block of Python that defines a function or class; else the last one that can be parsed; else
        the whole text, where that is Python with more than a name in it. None where there is none.
    """
    blocks: list[str] = [body for language, body in _FENCED.findall(text) if language.lower() in _PYTHON]
    parsed = [(block, tree) for block in blocks if (tree := _parse(block)) is not None]
    defining = [block for block, tree in parsed if any(isinstance(part, _DEFINITIONS) for part in tree.body)]
    if parsed:
        return defining[-1] if defining else parsed[-1][0]
    whole = _parse(text)
    return text if whole is not None and any(not isinstance(part, ast.Expr) for part in whole.body) else None


def _parse(code: str) -> ast.Module | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Python warns of odd escapes, which are the model's affair
            return ast.parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
