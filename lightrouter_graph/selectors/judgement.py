"""One asking of a model as judge: a verdict on labelled texts, one repair, or the reason why there is none."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from langchain_core.messages import AnyMessage
from pydantic import BaseModel, Field, ValidationError

from lightrouter_graph import prompts
from lightrouter_graph.calling import Call
from lightrouter_graph.completion import complete
from lightrouter_graph.pool import Candidate
from lightrouter_graph.query import Query
from lightrouter_graph.records import Spending
from lightrouter_graph.replies import Completion
from lightrouter_graph.schemas import OutputSchema

_LONGEST_REPLY = 1000
"""Cap on the judge's reply, in tokens."""


class JudgedBoot(BaseModel):
    """One line of a judge's verdict."""

    label: str
    score: float = Field(ge=0, le=10)
    reason: str = ""


class Judgement(BaseModel):
    """What a judge is to reply."""

    scores: list[JudgedBoot]


Verdict = Mapping[str, JudgedBoot]
"""What a judge says of each label."""


@dataclass(frozen=True, slots=True)
class Ruling:
    """What one asking brought, repair included. Without a verdict, `problem` says why."""

    verdict: Verdict | None
    spendings: tuple[Spending, ...]
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
        return Ruling(verdict, tuple(first.spendings), problem)
    second = await _reply(judge, query, prompts.repair_judgement(asked, first.text, problem, list(shown)))
    verdict, problem = _read(second, shown)
    return Ruling(verdict, (*first.spendings, *second.spendings), problem)


async def _reply(judge: Candidate, query: Query, messages: Sequence[AnyMessage]) -> Completion:
    call = Call(
        stage="select",
        layer=query.layer,
        timeout_s=query.seconds,
        max_tokens=_LONGEST_REPLY,
        schema=OutputSchema("Judgement", Judgement.model_json_schema()),
        deadline=query.deadline,
        retries=query.retries,
    )
    return await complete(judge, messages, call)


def _read(reply: Completion, labels: Collection[str]) -> tuple[Verdict | None, str]:
    if reply.failure is not None:
        return None, f"{reply.failure['cause']}: {reply.failure['message']}"
    return read_judgement(reply.said, labels)


def read_judgement(text: str, labels: Collection[str]) -> tuple[Verdict | None, str]:
    """Read a judge's reply.

    Args:
        text: The reply; prose and fences around the JSON object are tolerated.
        labels: The labels that were shown.

    Returns:
        The verdict and "", or None and what is wrong with the reply.
    """
    begin, end = text.find("{"), text.rfind("}")
    try:
        judgement = Judgement.model_validate(json.loads(text[begin : end + 1]))
    except ValidationError as exc:
        wrong = exc.errors()[0]
        return None, f"{'.'.join(map(str, wrong['loc']))}: {wrong['msg']}"
    except ValueError as exc:
        return None, f"not a JSON object: {exc}"
    given = [boot.label for boot in judgement.scores]
    if sorted(given) != sorted(labels):
        return None, f"labels {given} instead of {sorted(labels)}"
    return {boot.label: boot for boot in judgement.scores}, ""
