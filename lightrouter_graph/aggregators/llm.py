"""A model that writes one answer out of several: the paper's aggregator."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from langchain_core.language_models import BaseChatModel

from lightrouter_graph import prompts
from lightrouter_graph.aggregators.base import Merged
from lightrouter_graph.aggregators.vote import VoteAggregator
from lightrouter_graph.llm.call import Call
from lightrouter_graph.llm.client import complete
from lightrouter_graph.llm.request import Request
from lightrouter_graph.pool import Candidate
from lightrouter_graph.query import PlannedCall, Query
from lightrouter_graph.records import Answer


@dataclass(frozen=True, slots=True)
class LLMAggregator:
    """Let a model synthesise the final answer, or in an inner layer the draft.

    It sees the conversation as it was and the answers by rank, without names and without anybody's confidence, and is
    told to doubt them. Its tokens stream as the final answer. If the call fails, the vote decides; it decides on tool
    calls as well, which are never merged. Asked for an object, it may mix the fields of several.

    Args:
        model: The aggregator: a chat model, a spec string or a `Candidate`. None: the candidate ranked first.

    Source: arXiv 2505.16221, the aggregator (synthesis, not a mere vote); its prompt is not published.
    """

    model: Candidate | BaseChatModel | str | None = None

    def __post_init__(self) -> None:
        if self.model is not None and not isinstance(self.model, Candidate):
            object.__setattr__(self, "model", Candidate("aggregator", self.model))

    def planned(self, query: Query, texts: Sequence[str]) -> Sequence[PlannedCall]:
        """Say what calls it makes: one."""
        writer = self.model if isinstance(self.model, Candidate) else None
        asked = prompts.merge_answers(query.messages, texts, final=query.final, task=query.settings.aggregator_prompt)
        return [PlannedCall(writer, asked, query.settings.max_tokens, _in_words(query).extras)]

    async def merge(self, query: Query, answers: Sequence[Answer]) -> Merged:
        """Ask for the synthesis."""
        if any(answer["tool_call_message"] is not None for answer in answers):
            return await VoteAggregator().merge(query, answers)
        writer = self.model if isinstance(self.model, Candidate) else query.pool[answers[0]["candidate"]]
        texts, task = [answer["text"] for answer in answers], query.settings.aggregator_prompt
        asked = prompts.merge_answers(query.messages, texts, final=query.final, task=task)
        call = Call(
            stage="aggregate",
            layer=query.layer,
            timeout_s=query.seconds,
            max_tokens=query.settings.max_tokens,
            request=_in_words(query),
            stream_to_user=query.final,
            stream_internally=query.deadline is not None,
            deadline=query.deadline,
            retries=query.retries,
            reservations=query.purse,
        )
        reply = await complete(writer, asked, call)
        if reply.failure is None:
            return Merged(
                reply.text,
                "synthesis",
                writer.name,
                tuple(reply.call_costs),
                finish_reason=reply.finish_reason,
                message_id=reply.message_id,
            )
        instead = await VoteAggregator().merge(query, answers)
        problem = f"{writer.name}: {reply.failure['cause']}: {reply.failure['message']}"
        notes = {"fallback": f"synthesis failed, {instead.strategy} instead", "aggregator_problem": problem}
        return replace(instead, call_costs=tuple(reply.call_costs), notes=notes)


def _in_words(query: Query) -> Request:
    """The draft of an inner layer is free text; the final answer keeps to the form that was asked for."""
    return replace(query.request.without_calls(), schema=query.request.schema if query.final else None)
