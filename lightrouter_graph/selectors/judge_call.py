"""One asking of a model as judge: a verdict on labelled texts, one repair, or the reason why there is none."""

import hashlib
import json
import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from langchain_core.messages import AnyMessage
from pydantic import BaseModel, Field, ValidationError, field_validator

from lightrouter_graph import prompts
from lightrouter_graph.llm.call import Call
from lightrouter_graph.llm.client import complete
from lightrouter_graph.llm.completion import Completion
from lightrouter_graph.llm.output_schema import OutputSchema
from lightrouter_graph.pool import Candidate
from lightrouter_graph.query import PlannedCall, Query
from lightrouter_graph.reasoning import strip_reasoning
from lightrouter_graph.records import CallCost
from lightrouter_graph.redaction import redact
from lightrouter_graph.runtime.durable_calls import checkpointed_call

_LONGEST_REPLY = 1000
"""Cap on the judge's reply, in tokens."""

_LONGEST_REASON = 200
_OBJECT = re.compile(r'\{\s*"')


class JudgedBoot(BaseModel):
    """One line of a judge's verdict. A number in quotes is a score; true and false are none."""

    label: str
    score: float = Field(ge=0, le=10, allow_inf_nan=False)
    reason: str = ""

    @field_validator("score", mode="before")
    @classmethod
    def _is_no_boolean(cls, given: Any) -> Any:
        if isinstance(given, bool):
            msg = "Input should be a number"
            raise ValueError(msg)  # noqa: TRY004 - pydantic takes no other for a validation error
        return given

    @field_validator("reason")
    @classmethod
    def _one_short_line(cls, given: str) -> str:
        """A reason goes into records, events and onto screens, and may repeat whatever a boot says."""
        line = "".join(char for char in " ".join(given.split()) if char.isprintable())
        return redact(line)[:_LONGEST_REASON]


class Judgement(BaseModel):
    """What a judge is to reply."""

    scores: list[JudgedBoot]


_SCHEMA = OutputSchema("Judgement", Judgement.model_json_schema())

Verdict = Mapping[str, JudgedBoot]
"""What a judge says of each label."""


@dataclass(frozen=True, slots=True)
class Ruling:
    """What one asking brought, repair included. Without a verdict, `problem` says why."""

    verdict: Verdict | None
    call_costs: tuple[CallCost, ...]
    problem: str = ""


async def ask_judge(judge: Candidate, query: Query, shown: Mapping[str, str]) -> Ruling:
    """Ask a judge for its verdict, and once more if its reply does not fit.

    Args:
        judge: Whom to ask.
        query: What the texts answer.
        shown: Text by label, in the order in which the judge is to see them.
    """
    asked = prompts.judge_boots(query.messages, shown, query.request.tools, query.settings.selector_prompt)
    first = await _reply(judge, query, asked)
    verdict, problem = _read(first, shown)
    if verdict is not None or first.failure is not None:
        return Ruling(verdict, tuple(first.call_costs), problem)
    second = await _reply(judge, query, prompts.repair_judgement(asked, first.text, problem, list(shown)))
    verdict, problem = _read(second, shown)
    return Ruling(verdict, (*first.call_costs, *second.call_costs), problem)


def planned_asking(judge: Candidate, query: Query, shown: Mapping[str, str]) -> PlannedCall:
    """Return what one asking takes; a repair, which is rare, is paid from what is left over."""
    asked = prompts.judge_boots(query.messages, shown, query.request.tools, query.settings.selector_prompt)
    return PlannedCall(judge, asked, _LONGEST_REPLY, [_SCHEMA.schema])


async def _reply(judge: Candidate, query: Query, messages: Sequence[AnyMessage]) -> Completion:
    call = Call(
        stage="select",
        layer=query.layer,
        timeout_s=query.seconds,
        max_tokens=_LONGEST_REPLY,
        schema=_SCHEMA,
        deadline=query.deadline,
        retries=query.retries,
        reservations=query.purse,
    )
    asked = hashlib.sha256(repr([judge.name, [message.text for message in messages]]).encode()).hexdigest()
    told = await checkpointed_call("judge", asked, lambda: _told(judge, messages, call))
    return Completion(**{**told, "earlier": tuple(told["earlier"])})


async def _told(judge: Candidate, messages: Sequence[AnyMessage], call: Call) -> dict[str, Any]:
    return asdict(await complete(judge, messages, call))


def _read(reply: Completion, labels: Collection[str]) -> tuple[Verdict | None, str]:
    if reply.failure is not None:
        return None, f"{reply.failure['cause']}: {reply.failure['message']}"
    if reply.truncated:  # what is whole in it may be a verdict that the judge only quotes
        return None, "it was cut off before its end"
    return read_judgement(reply.visible_text, labels)


def read_judgement(text: str, labels: Collection[str]) -> tuple[Verdict | None, str]:
    """Read a judge's reply.

    A boot may carry a verdict of its own, and a judge may repeat it: where a reply holds verdicts that differ, none
    counts.

    Args:
        text: The reply; prose and fences around the JSON object are tolerated, thoughts before it are passed over.
        labels: The labels that were shown.

    Returns:
        The verdict and "", or None and what is wrong with the reply.
    """
    try:
        read = [_verdict(found, labels) for found in _objects(strip_reasoning(text))]
    except RecursionError:
        return None, "not a JSON object: nested too deep"
    except ValueError as exc:
        return None, f"not a JSON object: {exc}"
    verdicts = [verdict for verdict, _ in read if verdict is not None]
    if not verdicts:
        return None, read[-1][1] if read else "not a JSON object"
    if any(_scores(verdict) != _scores(verdicts[-1]) for verdict in verdicts):
        return None, "it holds several verdicts, which differ"
    return verdicts[-1], ""


def _objects(text: str) -> Iterator[Any]:
    """Yield every JSON object that stands in a text by itself.

    Raises:
        ValueError: If one is broken: what looks like an object behind its beginning may be part of a string in it.
    """
    decoder, at = json.JSONDecoder(object_pairs_hook=_each_key_once), 0
    while begin := _OBJECT.search(text, at):
        found, at = decoder.raw_decode(text, begin.start())
        yield found


def _each_key_once(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        msg = "a key is given twice"
        raise ValueError(msg)
    return made


def _verdict(found: Any, labels: Collection[str]) -> tuple[Verdict | None, str]:
    try:
        judgement = Judgement.model_validate(found)
    except ValidationError as exc:
        wrong = exc.errors()[0]
        return None, f"{'.'.join(map(str, wrong['loc']))}: {wrong['msg']}"
    problem = _problem_with([boot.label for boot in judgement.scores], labels)
    return (None, problem) if problem else ({boot.label: boot for boot in judgement.scores}, "")


def _problem_with(given: Sequence[str], labels: Collection[str]) -> str:
    """Say which labels are wrong, without repeating any that we did not give."""
    counted = Counter(given)
    problems = {
        "missing": [label for label in labels if label not in counted],
        "given twice": [label for label in labels if counted[label] > 1],
        "not among them": [f"{unknown} others"] if (unknown := len(counted.keys() - set(labels))) else [],
    }
    told = [f"{what}: {', '.join(which)}" for what, which in problems.items() if which]
    return f"labels {'; '.join(told)}" if told else ""


def _scores(verdict: Verdict) -> dict[str, float]:
    return {label: boot.score for label, boot in verdict.items()}
