"""Call ids and reasoning of earlier turns: what one endpoint sent is put into a form that another accepts."""

import re
from collections.abc import Callable, Iterator
from typing import Any

from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from resilience.scenarios.checks import answers, asked, nobody_fails
from resilience.scenarios.fields import multiply
from resilience.scenarios.outcome import Outcome
from resilience.scenarios.replies import RIGHT, calling, refusal, say, unless
from resilience.scenarios.scenario import QUESTION, Scenario, scenario
from resilience.scenarios.wire import Reply, Request, Respond

KIND = "turns"

RULES: dict[str, tuple[str, str]] = {
    "nine-letters": (r"[a-zA-Z0-9]{9}", "Tool call id was {} but must be a-z, A-Z, 0-9, with a length of 9."),
    "nine-letters-in-other-words": (
        r"[a-zA-Z0-9]{9}",
        "Invalid tool call id: {}, expected a string of 9 alphanumeric characters",
    ),
    "at-most-forty": (
        r".{1,40}",
        "Invalid 'messages[1].tool_calls[0].id': string too long. Expected at most 40, got {}.",
    ),
    "word-characters": (
        r"[a-zA-Z0-9_-]+",
        "messages.1.tool_use.id: String should match pattern '^[a-zA-Z0-9_-]+$', got {}",
    ),
    "at-most-sixty-four": (r"[a-zA-Z0-9_-]{1,64}", "tool_call_id {} is not valid: at most 64 word characters"),
}
IDS = ("call_" + "k" * 24, "chatcmpl-tool-" + "0a" * 16, "functions.multiply:0", "x" * 70)


def _ids_of(request: Request) -> list[str]:
    made = [call["id"] for message in request.messages for call in message.get("tool_calls") or []]
    return made + [message.get("tool_call_id", "") for message in request.messages if message["role"] == "tool"]


def _used(call_id: str) -> list[Any]:
    call = {"name": "multiply", "args": {"a": 2, "b": 3}, "id": call_id, "type": "tool_call"}
    return [
        HumanMessage("2 * 3?"),
        AIMessage("", tool_calls=[call]),
        ToolMessage("6", tool_call_id=call_id),
        HumanMessage(QUESTION),
    ]


def _fit(outcome: Outcome) -> Iterator[str]:
    for request in outcome.requests[-1:]:
        made = {call["id"] for message in request.messages for call in message.get("tool_calls") or []}
        results = {message["tool_call_id"] for message in request.messages if message["role"] == "tool"}
        if made != results:
            yield f"results of {results} for calls of {made}"


def _call_ids() -> Iterator[Scenario]:
    for rule, (pattern, words) in RULES.items():
        for at, call_id in enumerate(IDS):
            if re.fullmatch(pattern, call_id):
                continue

            def problem(request: Request, pattern: str = pattern, words: str = words) -> str:
                bad = [one for one in _ids_of(request) if not re.fullmatch(pattern, one)]
                return words.format(bad[0]) if bad else ""

            yield scenario(
                KIND,
                f"call-id-{rule}-{at}",
                unless(problem, say(RIGHT)),
                answers(),
                _fit,
                asked(a=3),
                question=_used(call_id),
                tools=(multiply,),
                turns=2,
                modes=("plain",),
            )
    strict = unless(
        lambda r: "tool call id must have a length of 9" if any(len(one) != 9 for one in _ids_of(r)) else "", _agent()
    )
    yield scenario(
        KIND,
        "call-ids-in-a-loop-of-two",
        {"a": _agent("call_" + "z" * 24), "b": strict},
        answers(),
        nobody_fails,
        tools=(multiply,),
        loops=True,
        modes=("plain",),
    )
    two = [
        {"name": "multiply", "args": {"a": 2, "b": at}, "id": call_id, "type": "tool_call"}
        for at, call_id in enumerate(("call_one_of_two_calls", "call_two_of_two_calls"))
    ]
    talk = [HumanMessage("2 * 0, 2 * 1?"), AIMessage("", tool_calls=two)]
    talk += [ToolMessage(str(at), tool_call_id=call["id"]) for at, call in enumerate(two)]
    nine = unless(
        lambda r: (
            "tool call id must be a-z, A-Z, 0-9, with a length of 9" if any(len(i) != 9 for i in _ids_of(r)) else ""
        ),
        say(RIGHT),
    )
    yield scenario(
        KIND, "call-ids-of-two-calls", nine, answers(), _fit, question=talk, tools=(multiply,), modes=("plain",)
    )


def _agent(call_id: str = "abcdefgh9", **others: Any) -> Respond:
    """Build a model that calls a tool, and answers once it has the result."""
    first, then = calling("multiply", {"a": 17, "b": 23}, call_id=call_id, **others), say(RIGHT, **others)
    return lambda request: then(request) if request.messages[-1]["role"] == "tool" else first(request)


def _reasoning() -> Iterator[Scenario]:
    wordings: dict[str, Callable[[int], Reply]] = {
        "missing": lambda at: refusal(
            f"Missing `reasoning_content` field in the assistant message at message index {at}."
        ),
        "must-be-passed": lambda _: refusal(
            "The reasoning_content in the thinking mode must be passed back to the API."
        ),
        "required": lambda at: refusal(
            "", 422, body={"detail": [{"loc": ["body", "messages", at, "reasoning_content"], "msg": "Field required"}]}
        ),
        "thinking-blocks": lambda at: refusal(
            f"messages.{at}.reasoning_content: expected with tool calls when thinking is enabled"
        ),
    }
    for name, say_no in wordings.items():

        def problem(request: Request, say_no: Callable[[int], Reply] = say_no) -> Reply | None:
            at = [i for i, m in enumerate(request.messages) if m.get("tool_calls") and not m.get("reasoning_content")]
            return say_no(at[0]) if at else None

        thinking = unless(problem, _agent(reasoning_content="I should multiply these."))
        yield scenario(
            KIND,
            f"reasoning-{name}",
            thinking,
            answers(),
            nobody_fails,
            tools=(multiply,),
            loops=True,
            modes=("plain",),
        )
        if name == "missing":
            yield scenario(
                KIND,
                f"reasoning-{name}-streamed",
                thinking,
                answers(),
                tools=(multiply,),
                loops=True,
                modes=("streamed", "spec"),
            )

    def has_reasoning(request: Request) -> str:
        at = [i for i, message in enumerate(request.messages) if "reasoning_content" in message]
        return f"messages[{at[0]}].reasoning_content: Extra inputs are not permitted" if at else ""

    talk = [
        HumanMessage("2 * 3?"),
        AIMessage("6", additional_kwargs={"reasoning_content": "Twice three."}),
        HumanMessage(QUESTION),
    ]
    yield scenario(
        KIND, "reasoning-is-refused", unless(has_reasoning, say(RIGHT)), answers(), question=talk, modes=("plain",)
    )
    refusing = unless(has_reasoning, _agent(reasoning_content="I should multiply these."))
    yield scenario(
        KIND, "reasoning-is-refused-in-a-loop", refusing, answers(), tools=(multiply,), loops=True, modes=("plain",)
    )


SCENARIOS = [*_call_ids(), *_reasoning()]
