"""One question put to one method: its answer scored, and what the models say it cost."""

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
"""(question, answer) -> 0 to 1, or None where it cannot be scored."""


async def unscored(question: Question, text: str) -> float | None:  # noqa: ARG001
    """Score nothing: the way of a replay, in which every answer is somebody's recorded output."""
    return None


@dataclass(frozen=True, slots=True)
class Answering:
    """Puts questions to one fitted method.

    Attributes:
        method: Whose line of the table it is.
        fitted: The method, having learnt.
        fold: The part of the questions it has not seen.
        score: How an answer is scored that is nobody's recorded output.
        now: The clock of the models.
    """

    method: Method
    fitted: Fitted
    fold: int
    score: Score
    now: Callable[[], float]

    async def __call__(self, question: Question) -> Result:
        """Ask, score and account for it. No answer is a result, too: with an error and without a score.

        Raises:
            BudgetError: If the evaluation's own budget is spent; that is no fault of the method.
        """
        began = self.now()
        with log_calls() as calls:
            try:
                reply, error = await self.fitted.answer(question), ""
            except BudgetError:
                raise
            except LightRouterError as exc:
                reply, error = Reply(""), str(exc)
        ended = self.now()
        spent = [_since(call, began) for call in calls]
        author = None if error else _author(question, reply)
        return {
            "question": question.id,
            "method": self.method.name,
            "fold": self.fold,
            "category": question.category,
            "score": None if error else await self._scored(question, reply, author),
            "chosen": author or reply.chosen,
            "text": None if author is not None else reply.text,
            "answer": default_key(reply.text, question.text) if reply.text else None,
            "confidence": reply.confidence,
            "calls": len(spent),
            "input_tokens": sum(call["input_tokens"] for call in spent),
            "output_tokens": sum(call["output_tokens"] for call in spent),
            "usd": _total(spent),
            "first_token_s": None if error else _first_token_s(reply, spent, began=began, ended=ended),
            "seconds": ended - began,
            "stand_in": reply.stand_in,
            "error": error,
            "route": _lean(reply.route, question),
            "spent": spent,
        }

    async def _scored(self, question: Question, reply: Reply, author: str | None) -> float | None:
        recorded = None if author is None else question.outputs[author].score
        return await self.score(question, reply.text) if recorded is None else recorded


def _author(question: Question, reply: Reply) -> str | None:
    """Return whose recorded output the answer is: the one it was chosen from, or another's.

    Texts are compared word for word, without the reasoning blocks that a router strips.
    """
    names = [reply.chosen, *question.outputs] if reply.chosen in question.outputs else [*question.outputs]
    texts = [(name, question.outputs[name].text) for name in names if name is not None]
    whole = (name for name, text in texts if text == reply.text)
    return next(whole, next((name for name, text in texts if strip_reasoning(text) == reply.text), None))


def _since(call: ModelCall, began: float) -> ModelCall:
    first = call["first_token_s"]
    return {
        **call,
        "began_s": call["began_s"] - began,
        "first_token_s": None if first is None else first - began,
        "ended_s": call["ended_s"] - began,
    }


def _total(calls: list[ModelCall]) -> float | None:
    """Add the calls' prices up; None where one is not known."""
    known = [call["usd"] for call in calls if call["usd"] is not None]
    return sum(known) if len(known) == len(calls) else None


def _first_token_s(reply: Reply, spent: list[ModelCall], *, began: float, ended: float) -> float:
    """Say after how many seconds the first token of the answer was shown; the last where it was shown whole."""
    if reply.first_token_s is not None:
        return reply.first_token_s - began
    last = max(spent, key=lambda call: call["began_s"], default=None)
    if reply.streamed and last is not None and last["first_token_s"] is not None:
        return last["first_token_s"]
    return ended - began


def _lean(route: Route | None, question: Question) -> Route | None:
    """Leave out the text of boots that are beginnings of recorded outputs: their length tells it."""
    if route is None:
        return None
    lean: Route = {**route, "boots": [_without_text(boot, question) for boot in route["boots"]]}
    return lean


def _without_text(boot: RouteBoot, question: Question) -> RouteBoot:
    return {**boot, "text": None} if _begins(question, boot["candidate"], boot["text"]) else boot


def _begins(question: Question, candidate: str, text: str | None) -> bool:
    output = question.outputs.get(candidate)
    return output is not None and text is not None and output.text.startswith(text)
