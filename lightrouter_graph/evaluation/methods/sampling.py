"""Full answers of single candidates: one model call each, in parallel, with the failed calls filtered out."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from langchain_core.messages import AnyMessage, HumanMessage

from lightrouter_graph.answer_keys import default_key
from lightrouter_graph.errors import EvaluationError, NoSurvivorError, checked_choices
from lightrouter_graph.evaluation.call_log import request_sample
from lightrouter_graph.evaluation.questions import Question
from lightrouter_graph.evaluation.standalone_query import standalone_query
from lightrouter_graph.llm.completion import Completion
from lightrouter_graph.pool import Candidate
from lightrouter_graph.records import Stage


@dataclass(frozen=True, slots=True)
class CandidateReply:
    """The completion of one candidate and its answer key; `key` is None if the text has no short answer."""

    candidate: Candidate
    completion: Completion
    key: str | None = None

    @property
    def text(self) -> str:
        """Text of the completion; "" if the call failed."""
        return self.completion.text

    @property
    def failure(self) -> str:
        """Cause and message of a failed call; "" if the call succeeded."""
        failure = self.completion.failure
        return "" if failure is None else f"{failure['cause']}: {failure['message']}"


@checked_choices(EvaluationError)
async def ask(
    candidate: Candidate,
    question: Question,
    *,
    messages: Sequence[AnyMessage] | None = None,
    max_tokens: int | None = None,
    stage: Stage = "generate",
    sample: int = 0,
    stream_internally: bool = False,
) -> CandidateReply:
    """Request a full answer from one candidate, with retries and a timeout of 600 s; a failed call is not raised.

    Args:
        candidate: The candidate to call.
        question: The question; its text is the prompt if `messages` is None.
        messages: The whole prompt.
        max_tokens: Maximum output tokens; None for the default of the model.
        stage: Stage of the call in the call log.
        sample: 0-based index of the independent sample of the same prompt.
        stream_internally: True to stream the response, which measures the time to its first token.
    """
    prompt = messages or [HumanMessage(question.text)]
    query = standalone_query(candidate, prompt, stage=stage, stream_internally=stream_internally)
    with request_sample(sample):
        completion = await query.ask(candidate, prompt, max_tokens=max_tokens)
    key = default_key(completion.text, question.text) if completion.failure is None else None
    return CandidateReply(candidate, completion, key)


async def ask_all(
    candidates: Sequence[Candidate],
    question: Question,
    *,
    messages: Sequence[AnyMessage] | None = None,
    max_tokens: int | None = None,
) -> list[CandidateReply]:
    """Call all candidates in parallel, and return the successful replies in the order of `candidates`.

    Args:
        candidates: The candidates, each called once.
        question: The question; its text is the prompt if `messages` is None.
        messages: The whole prompt, the same for all.
        max_tokens: Maximum output tokens of each call; None for the defaults of the models.

    Raises:
        NoSurvivorError: If every call failed.
    """
    calls = (ask(candidate, question, messages=messages, max_tokens=max_tokens) for candidate in candidates)
    return successful(await asyncio.gather(*calls))


def successful(replies: Sequence[CandidateReply]) -> list[CandidateReply]:
    """Return the replies without a failure, in their order; without any, `NoSurvivorError` with all failures."""
    answered = [reply for reply in replies if not reply.failure]
    if not answered:
        raise NoSurvivorError(layer=1, failures={reply.candidate.name: reply.failure for reply in replies})
    return answered
