"""`Completion`: the record of one model call, with its text, its cost, and the reason of a failure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from lightrouter_graph.llm.call import Call
from lightrouter_graph.llm.reply_end import end_kind
from lightrouter_graph.pool import Candidate
from lightrouter_graph.providers.pricing import usd_of
from lightrouter_graph.reasoning import strip_reasoning
from lightrouter_graph.records import NO_USAGE, CallCost, CallOutcome, Failure, ToolCallMessage, Usage


@dataclass(frozen=True, slots=True)
class Completion:
    """Response of one model call, or the failure of its last attempt.

    Attributes:
        text: Text of the response, reasoning tags included. Begins with the prefix if the model continued it. Partial
            if the call failed while it streamed; "" if nothing arrived.
        finish_reason: Finish reason as the provider named it; None if it sent none.
        call_cost: Cost of the last attempt.
        failure: Why the response cannot be used; None if it can.
        message_id: Id of the message under which tokens were streamed.
        restarted: True if the model started again instead of continuing the prefix.
        text_usage: Tokens of the text, if the last call did not generate all of it: it came from the cache, or from two
            calls.
        earlier: Costs of the attempts before the last one.
        metadata: What the provider returned beside the text, as JSON values; keys that it did not send are absent.
            `logprobs`: `{"content": [{"token": str, "logprob": float}, ...]}`, one entry per output token of this
            call, without alternatives; `system_fingerprint`; `model_name`; `repaired`: what was mended in the
            response; `id`: id of the reply where LangChain's cache is used, the same each time it is returned.
    """

    text: str
    finish_reason: str | None
    call_cost: CallCost
    failure: Failure | None = None
    message_id: str | None = None
    restarted: bool = False
    tool_call_message: ToolCallMessage | None = None
    reasoning: str = ""
    text_usage: Usage | None = None
    earlier: tuple[CallCost, ...] = ()
    metadata: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def restore(cls, saved: Mapping[str, Any]) -> Self:
        """Rebuild a completion from `dataclasses.asdict`; JSON and msgpack make lists of its tuples.

        Args:
            saved: All fields by name; fields with a default may be missing.
        """
        return cls(**{**saved, "earlier": tuple(saved.get("earlier", ()))})

    @property
    def usage(self) -> Usage:
        """Tokens of the prompt and the text, whichever call was billed for them."""
        return self.text_usage or self.call_cost["usage"]

    @property
    def call_costs(self) -> list[CallCost]:
        """Cost of every attempt, in order."""
        return [*self.earlier, self.call_cost]

    @property
    def visible_text(self) -> str:
        """The text without its reasoning: what answers are compared and judged by."""
        return strip_reasoning(self.text)

    @property
    def truncated(self) -> bool:
        """True if the response is not whole, as far as the provider reports it: by the cap, or by an unknown end."""
        return not is_whole(self.finish_reason)

    @property
    def capped(self) -> bool:
        """True if a token limit ended the response, as far as the provider reports it."""
        return end_kind(self.finish_reason) == "cap"

    @property
    def interrupted(self) -> bool:
        """True if the response ended in an unknown way, so that it may be incomplete."""
        return end_kind(self.finish_reason) == "interrupted"

    @property
    def finished(self) -> bool:
        """True if there is a response and the model itself ended it."""
        return self.failure is None and not self.truncated


def is_whole(finish_reason: str | None) -> bool:
    """Return True if a finish reason means that the model ended the response.

    Args:
        finish_reason: The reason in the words of any provider; None if the provider sent none with a whole response.
    """
    return end_kind(finish_reason) == "complete"


def has_only_reasoned(reply: Completion) -> bool:
    """Return True if the response has no answer because reasoning, visible or hidden, used all tokens of the cap.

    Args:
        reply: The response, failed or not.
    """
    if reply.visible_text.strip() or reply.tool_call_message is not None:
        return False
    reasoned = bool(reply.reasoning or reply.usage["reasoning_tokens"])
    # A truncated response without failure may end inside of a tool call.
    return reasoned or (reply.capped and reply.failure is not None)


def call_cost_of(
    candidate: Candidate, call: Call, usage: Usage, seconds: float, outcome: CallOutcome = "completed"
) -> CallCost:
    """Return the cost record of one attempt.

    Args:
        candidate: The candidate that was queried; its price gives `usd`, which is None if the price is unknown.
        call: Settings of the sent call.
        usage: Tokens of the attempt.
        seconds: Wall-clock time of the attempt.
        outcome: How the attempt ended.
    """
    return {
        "layer": call.layer,
        "candidate": candidate.name,
        "stage": call.stage,
        "outcome": outcome,
        "cap": call.max_tokens,
        "output_price": None if candidate.price is None else candidate.price.output,
        "usage": usage,
        "usd": usd_of(usage, candidate.price) if candidate.price is not None else None,
        "max_tokens_used": None,
        "max_usd": None,
        "seconds": seconds,
    }


def not_sent(candidate: Candidate, call: Call, failure: Failure) -> Completion:
    """Return the completion of a call that was never sent: no text, no cost."""
    return Completion("", None, call_cost_of(candidate, call, {**NO_USAGE}, 0.0, "not_sent"), failure)
