"""Evaluates one question with one method: score, cost and latency of the answer."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from lightrouter_graph.answer_keys import default_key
from lightrouter_graph.errors import BudgetError, LightRouterError
from lightrouter_graph.evaluation.call_log import log_calls
from lightrouter_graph.evaluation.methods.base import Fitted, Method, Reply
from lightrouter_graph.evaluation.questions import Question
from lightrouter_graph.evaluation.records import ModelCall, Result, Route, RouteBoot
from lightrouter_graph.reasoning import strip_reasoning

Score = Callable[[Question, str], Awaitable[float | None]]
"""Async function (question, answer) -> score, 0 to 1; None if the answer cannot be scored."""


async def unscored(question: Question, text: str) -> float | None:  # noqa: ARG001
    """Return None: a scoring function for answers that are all recorded outputs."""
    return None


@dataclass(frozen=True, slots=True)
class QuestionEvaluator:
    """Evaluates questions of one fold with a fitted method.

    `score` is called for answers that are not recorded outputs with a score; `now` is the clock of the models, seconds.
    """

    method: Method
    fitted: Fitted
    fold: int
    score: Score
    now: Callable[[], float]

    async def __call__(self, question: Question) -> Result:
        """Return the result of one question; a failure other than `BudgetError` is a result with an error."""
        started = self.now()
        with log_calls() as calls:
            try:
                reply, error = await self.fitted.answer(question), ""
            except BudgetError:
                raise
            except LightRouterError as exc:
                reply, error = Reply(""), str(exc)
        ended = self.now()
        spent = [_since(call, started) for call in calls]
        author = None if error else _author(question, reply)
        return {
            "question": question.id,
            "method": self.method.name,
            "fold": self.fold,
            "category": question.category,
            "score": None if error else await self._score(question, reply, author),
            "chosen": author or reply.chosen,
            "text": None if author is not None else reply.text,
            "answer": default_key(reply.text, question.text) if reply.text else None,
            "confidence": reply.confidence,
            "calls": len(spent),
            "input_tokens": sum(call["input_tokens"] for call in spent),
            "output_tokens": sum(call["output_tokens"] for call in spent),
            "usd": None if any(call["usd"] is None for call in spent) else sum(call["usd"] or 0.0 for call in spent),
            "first_token_s": None if error else _first_token_s(reply, spent, started=started, ended=ended),
            "seconds": ended - started,
            "stand_in": reply.stand_in,
            "error": error,
            "route": reply.route and _without_recorded_texts(reply.route, question),
            "spent": spent,
        }

    async def _score(self, question: Question, reply: Reply, author: str | None) -> float | None:
        recorded = None if author is None else question.outputs[author].score
        return await self.score(question, reply.text) if recorded is None else recorded


def _author(question: Question, reply: Reply) -> str | None:
    """Return the name of the candidate with the answer as its recorded output: the chosen one, else any other.

    Texts are compared exactly, with and without the reasoning text, which the router strips.
    """
    names = [reply.chosen, *question.outputs] if reply.chosen in question.outputs else [*question.outputs]
    texts = [(name, question.outputs[name].text) for name in names if name is not None]
    equal = (name for name, text in texts if text == reply.text)
    return next(equal, next((name for name, text in texts if strip_reasoning(text) == reply.text), None))


def _since(call: ModelCall, started: float) -> ModelCall:
    first = call["first_token_s"]
    return {
        **call,
        "began_s": call["began_s"] - started,
        "first_token_s": None if first is None else first - started,
        "ended_s": call["ended_s"] - started,
    }


def _first_token_s(reply: Reply, spent: list[ModelCall], *, started: float, ended: float) -> float:
    """Return the seconds to the first visible token; to the end if the answer was not streamed."""
    if reply.first_token_s is not None:
        return reply.first_token_s - started
    last = max(spent, key=lambda call: call["began_s"], default=None)
    if reply.streamed and last is not None and last["first_token_s"] is not None:
        return last["first_token_s"]
    return ended - started


def _without_recorded_texts(route: Route, question: Question) -> Route:
    """Return the route without the text of boots that are prefixes of recorded outputs: their length is enough."""
    boots: list[RouteBoot] = [{**boot, "text": None} if _is_prefix(boot, question) else boot for boot in route["boots"]]
    return {**route, "boots": boots}


def _is_prefix(boot: RouteBoot, question: Question) -> bool:
    output, text = question.outputs.get(boot["candidate"]), boot["text"]
    return output is not None and text is not None and output.text.startswith(text)
