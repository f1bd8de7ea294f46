"""Answers that are mathematical expressions: right when they are equal, in whatever form."""

import asyncio
from importlib.util import find_spec

from anyio import to_process

from lightrouter_graph.answers import find_json_field
from lightrouter_graph.errors import EvaluationError
from lightrouter_graph.evaluation.extras import need
from lightrouter_graph.evaluation.questions import Question
from lightrouter_graph.evaluation.scoring.comparing import NOT_READ, compare

_PATIENCE_S = 30.0
"""The comparison gives up by itself after some seconds, unless it hangs in a single long operation."""


class MathScorer:
    r"""1 where the expression an answer gives equals the reference, as the library `math-verify` finds.

    The expression is the JSON field "answer" of the text, else what the library finds: a `\boxed{}`, a formula, a
    number. The library stops itself by a signal, which only works in the main thread of a process, and what models
    write can hang a computer algebra system. So it runs in worker processes, which are limited in memory and killed
    when they take too long. An answer that cannot be compared in time is not right.

    Like all that starts Python processes, it needs scripts that call it to do so under `if __name__ == "__main__":`.

    Raises:
        EvaluationError: If `math-verify` is not installed.

    Source: github.com/huggingface/Math-Verify.
    """

    def __init__(self) -> None:
        if find_spec("math_verify") is None:
            need("math_verify", extra="math", what="scoring mathematical answers")

    async def score(self, question: Question, text: str) -> float | None:
        """Score one answer; None without a reference that can be read.

        Raises:
            EvaluationError: If the worker process cannot be started or breaks.
        """
        if question.reference is None:
            return None
        field = find_json_field(text, question.text, finished=True)
        said = text if field is None else f"\\boxed{{{field}}}"
        try:
            async with asyncio.timeout(_PATIENCE_S):
                verdict = await to_process.run_sync(compare, question.reference, said, cancellable=True)
        except TimeoutError:
            return 0.0
        except OSError as exc:
            msg = f"mathematical answers are compared in a process of its own, which could not be started ({exc})"
            raise EvaluationError(msg) from exc
        return None if verdict == NOT_READ else float(verdict)
