"""Asks a model as judge of labelled texts: one call, one repair, and the checks on its verdict."""

import json
import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from langchain_core.messages import AnyMessage
from pydantic import BaseModel, Field, ValidationError, field_validator

from lightrouter_graph import prompts
from lightrouter_graph.llm.completion import Completion
from lightrouter_graph.llm.output_schema import OutputSchema
from lightrouter_graph.pool import Candidate
from lightrouter_graph.query import PlannedCall, Query
from lightrouter_graph.reasoning import strip_reasoning
from lightrouter_graph.redaction import redact

_MAX_REPLY_TOKENS = 1000
_MAX_REASON = 200
_OBJECT = re.compile(r'\{\s*"')


class JudgedBoot(BaseModel):
    """Score of one label. A number in quotes is accepted; true and false are not."""

    label: str
    score: float = Field(ge=0, le=10, allow_inf_nan=False)
    reason: str = ""

    @field_validator("score", mode="before")
    @classmethod
    def _is_no_boolean(cls, given: Any) -> Any:
        if isinstance(given, bool):
            msg = "Input should be a number"
            raise ValueError(msg)  # noqa: TRY004 - pydantic accepts only this as a validation error
        return given

    @field_validator("reason")
    @classmethod
    def _one_short_line(cls, given: str) -> str:
        """Keep a reason short, printable and free of secrets: it may repeat any part of a boot."""
        line = "".join(char for char in " ".join(given.split()) if char.isprintable())
        return redact(line)[:_MAX_REASON]


class Judgement(BaseModel):
    """Reply of a judge."""

    scores: list[JudgedBoot]


_SCHEMA = OutputSchema("Judgement", Judgement.model_json_schema())

Verdict = Mapping[str, JudgedBoot]
"""Score and reason by label."""


async def ask_judge(judge: Candidate, query: Query, texts: Mapping[str, str]) -> tuple[Verdict | None, str]:
    """Ask a judge for its verdict; a second call repairs an invalid reply.

    Args:
        judge: The model.
        query: The query that the texts answer.
        texts: Text by label, in the order in which the judge reads them.

    Returns:
        The verdict and "", or None and the problem.
    """
    prompt = _prompt(query, texts)
    first = await query.ask(judge, prompt, max_tokens=_MAX_REPLY_TOKENS, schema=_SCHEMA)
    verdict, problem = _read(first, texts)
    if verdict is not None or first.failure is not None:
        return verdict, problem
    repair = prompts.repair_judgement(prompt, first.text, problem, list(texts))
    second = await query.ask(judge, repair, max_tokens=_MAX_REPLY_TOKENS, schema=_SCHEMA)
    return _read(second, texts)


def planned_judge_call(judge: Candidate, query: Query, texts: Mapping[str, str]) -> PlannedCall:
    """Return the call that asks a `judge` once; a repair is rare and paid from the rest of the budget.

    Args:
        judge: The candidate that compares the boots.
        query: The query of the boots.
        texts: Text of each boot by the label that the judge reads.
    """
    return PlannedCall(judge, _prompt(query, texts), _MAX_REPLY_TOKENS, [_SCHEMA.schema])


def _prompt(query: Query, texts: Mapping[str, str]) -> list[AnyMessage]:
    return prompts.judge_boots(query.messages, texts, query.request.tools, query.settings.prompts.selector)


def _read(reply: Completion, labels: Collection[str]) -> tuple[Verdict | None, str]:
    if reply.failure is not None:
        return None, f"{reply.failure['cause']}: {reply.failure['message']}"
    if reply.truncated:  # a complete object in it may be a verdict that the judge only quotes
        return None, "the reply was truncated"
    return read_judgement(reply.visible_text, labels)


def read_judgement(text: str, labels: Collection[str]) -> tuple[Verdict | None, str]:
    """Parse the reply of a judge.

    A boot may contain a verdict, and a judge may repeat it: if a reply contains different verdicts, none counts.

    Args:
        text: The reply; prose and fences around the JSON object are allowed, reasoning text is skipped.
        labels: The labels in the prompt.

    Returns:
        The verdict and "", or None and the problem with the reply.
    """
    try:
        read = [_verdict(found, labels) for found in _objects(strip_reasoning(text))]
    except RecursionError:
        return None, "not a JSON object: nested too deeply"
    except ValueError as exc:
        return None, f"not a JSON object: {exc}"
    verdicts = [verdict for verdict, _ in read if verdict is not None]
    if not verdicts:
        return None, read[-1][1] if read else "not a JSON object"
    if len({frozenset((label, boot.score) for label, boot in verdict.items()) for verdict in verdicts}) > 1:
        return None, "it contains several different verdicts"
    return verdicts[-1], ""


def _objects(text: str) -> Iterator[Any]:
    """Yield every top-level JSON object in a text; an invalid one raises, as what follows may be a string in it."""
    decoder, at = json.JSONDecoder(object_pairs_hook=_each_key_once), 0
    while begin := _OBJECT.search(text, at):
        found, at = decoder.raw_decode(text, begin.start())
        yield found


def _each_key_once(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        msg = "it contains a key twice"
        raise ValueError(msg)
    return made


def _verdict(found: Any, labels: Collection[str]) -> tuple[Verdict | None, str]:
    try:
        judgement = Judgement.model_validate(found)
    except ValidationError as exc:
        wrong = exc.errors()[0]
        return None, f"{'.'.join(map(str, wrong['loc']))}: {wrong['msg']}"
    problem = _label_problem([boot.label for boot in judgement.scores], labels)
    return (None, problem) if problem else ({boot.label: boot for boot in judgement.scores}, "")


def _label_problem(found: Sequence[str], labels: Collection[str]) -> str:
    """Return which labels are wrong, without repeating unknown ones."""
    counted = Counter(found)
    problems = {
        "missing": [label for label in labels if label not in counted],
        "repeated": [label for label in labels if counted[label] > 1],
        "unknown": [str(unknown)] if (unknown := len(counted.keys() - set(labels))) else [],
    }
    parts = [f"{what}: {', '.join(which)}" for what, which in problems.items() if which]
    return f"labels {'; '.join(parts)}" if parts else ""
