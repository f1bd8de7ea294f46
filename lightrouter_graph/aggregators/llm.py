"""A model that writes one answer from several: the aggregator of the paper."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AnyMessage

from lightrouter_graph import prompts
from lightrouter_graph.aggregators.base import Merged
from lightrouter_graph.aggregators.vote import VoteAggregator
from lightrouter_graph.llm.request import Request
from lightrouter_graph.pool import Candidate
from lightrouter_graph.query import PlannedCall, Query
from lightrouter_graph.records import Answer


@dataclass(frozen=True, slots=True)
class LLMAggregator:
    """Let a model synthesize the final answer, or the draft of an inner layer.

    The prompt contains the conversation and the answers by rank, without names and confidence. Its tokens stream as the
    final answer. If the call fails, a vote decides; a vote also decides on tool calls, which are never merged.

    Args:
        model: The aggregator model: a chat model, a spec string or a `Candidate`. None: the best-ranked candidate.

    Source: arXiv 2505.16221, the aggregator (synthesis, not a mere vote); its prompt is not published.
    """

    model: Candidate | BaseChatModel | str | None = None

    def __post_init__(self) -> None:
        if self.model is not None and not isinstance(self.model, Candidate):
            object.__setattr__(self, "model", Candidate("aggregator", self.model))

    def planned(self, query: Query, texts: Sequence[str]) -> Sequence[PlannedCall]:
        """Return its one call, with `texts` of the answers in the prompt of the `query`.

        Args:
            query: The query; its messages precede the synthesis prompt.
            texts: The answers, or texts of their maximum length while the budget is planned.
        """
        writer = self.model if isinstance(self.model, Candidate) else None
        extras = _text_request(query).extras
        return [PlannedCall(writer, _prompt(query, texts), query.settings.max_tokens, extras)]

    async def merge(self, query: Query, answers: Sequence[Answer]) -> Merged:
        """Ask for the synthesis.

        Args:
            query: The query; the best-ranked candidate of its pool merges, unless the aggregator has a model.
            answers: At least two answers, best-ranked first.
        """
        if any(answer["tool_call_message"] is not None for answer in answers):
            return await VoteAggregator().merge(query, answers)
        writer = self.model if isinstance(self.model, Candidate) else query.pool[answers[0]["candidate"]]
        prompt = _prompt(query, [answer["text"] for answer in answers])
        limit, request = query.settings.max_tokens, _text_request(query)
        reply = await query.ask(writer, prompt, max_tokens=limit, stream=True, request=request)
        if reply.failure is None:
            message_id = reply.message_id if query.final else None
            return Merged(reply.text, "synthesis", writer.name, {}, reply.finish_reason, message_id)
        vote = await VoteAggregator().merge(query, answers)
        problem = f"{writer.name}: {reply.failure['cause']}: {reply.failure['message']}"
        fallback = f"the synthesis failed; strategy {vote.strategy!r} was used instead"
        return replace(vote, notes={"fallback": fallback, "aggregator_problem": problem})


def _prompt(query: Query, texts: Sequence[str]) -> list[AnyMessage]:
    return prompts.merge_answers(query.messages, texts, final=query.final, task=query.settings.prompts.aggregator)


def _text_request(query: Query) -> Request:
    """Return the request of a reply in words: a draft is free text, the final answer keeps the requested format."""
    return replace(query.request.without_calls(), schema=query.request.schema if query.final else None)
