"""Message forms that an endpoint refuses: rewritten once, remembered, and nothing of the conversation lost."""

import re
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage
from resilience.scenarios.checks import answers, asked, nobody_fails, sends
from resilience.scenarios.fields import multiply
from resilience.scenarios.replies import RIGHT, refusal, refuse, say, unless
from resilience.scenarios.scenario import HEALTHY, QUESTION, Scenario, scenario
from resilience.scenarios.wire import Reply, Request

KIND = "forms"
DEVELOPER = {"role": "developer", "content": "Reply in one line."}

Problem = Callable[[Request], Any]


def _made(name: str, problem: Problem, question: list[Any], *words: str, **others: Any) -> Scenario:
    """Build a scenario of one candidate that refuses a form; it must answer, and learn the form once."""
    spare = {"turns": 2, "modes": ("plain",), **others}
    return scenario(
        KIND, name, unless(problem, HEALTHY), answers(), asked(a=3), sends(*words), question=question, **spare
    )


def _developer() -> Iterator[Scenario]:
    wordings: tuple[tuple[str, Callable[[int], Reply]], ...] = (
        ("unexpected", lambda _: refusal("Unexpected message role.", type="BadRequestError", code=400)),
        (
            "literal",
            lambda at: refusal(f"messages.{at}.role: Input should be 'system', 'user', 'assistant' or 'tool'", 422),
        ),
        (
            "variant",
            lambda at: refusal(f"messages[{at}].role: unknown variant `developer`, expected one of `system`, `user`"),
        ),
        (
            "value",
            lambda at: refusal("Invalid value: 'developer'.", param=f"messages[{at}].role", code="invalid_value"),
        ),
        ("template", lambda _: refusal("Error rendering prompt with jinja template: Unexpected role 'developer'")),
        ("discriminator", lambda _: refusal("discriminator property 'role' has invalid value developer")),
        ("supported", lambda _: refusal("'messages.0.role' : role developer is not supported by this model")),
    )
    talk = [DEVELOPER, HumanMessage(QUESTION)]
    for name, say_no in wordings:

        def problem(request: Request, say_no: Callable[[int], Reply] = say_no) -> Reply | None:
            at = [index for index, message in enumerate(request.messages) if message["role"] == "developer"]
            return say_no(at[0]) if at else None

        yield _made(f"developer-{name}", problem, talk, "Reply in one line.")
        if name in {"unexpected", "variant"}:
            yield _made(f"developer-{name}-streamed", problem, talk, "Reply in one line.", modes=("streamed",))


def _names() -> Iterator[Scenario]:
    patterns = {"spaces": r"[^\s<|\\/>]+", "word-characters": r"[a-zA-Z0-9_-]{1,64}"}
    speakers = {
        "spaces": "Chief Miller",
        "umlaut": "Müller",
        "slash": "team/miller",
        "long": "m" * 90,
        "mail": "a@b.example",
    }
    for rule, pattern in patterns.items():
        for label, speaker in speakers.items():
            if re.fullmatch(pattern, speaker):
                continue

            def problem(request: Request, pattern: str = pattern) -> Reply | None:
                for at, message in enumerate(request.messages):
                    if "name" in message and not re.fullmatch(pattern, message["name"]):
                        where = f"messages[{at}].name"
                        text = f"Invalid '{where}': string does not match pattern. Expected '^{pattern}$'."
                        return refusal(text, param=where, code="invalid_value")
                return None

            talk = [HumanMessage("Let us count."), AIMessage("The mill turns.", name=speaker), HumanMessage(QUESTION)]
            yield _made(f"name-{rule}-{label}", problem, talk, "The mill turns.")

    def any_name(request: Request) -> Reply | None:
        at = [index for index, message in enumerate(request.messages) if "name" in message]
        return refusal(f"messages.{at[0]}.name: Extra inputs are not permitted", 422) if at else None

    talk = [HumanMessage("Let us count.", name="Ada"), AIMessage("The mill turns.", name="Bob"), HumanMessage(QUESTION)]
    yield _made("no-names-at-all", any_name, talk, "The mill turns.", "Let us count.")


def _roles() -> Iterator[Scenario]:
    two = [HumanMessage("The mill has two wheels."), HumanMessage(QUESTION)]
    wordings = {
        "alternate": "Conversation roles must alternate user/assistant/user/assistant/...",
        "after": "After the optional system message, conversation roles must alternate user and assistant roles",
        "consecutive": "messages: consecutive messages with role 'user' are not supported",
        "successive": "Expected last role User or Tool for serving but got successive user messages",
    }
    for name, words in wordings.items():

        def repeats(request: Request, words: str = words) -> str:
            roles = [message["role"] for message in request.messages]
            return words if any(a == b for a, b in pairwise(roles)) else ""

        yield _made(f"two-users-{name}", repeats, two, "two wheels", QUESTION)
    system = [SystemMessage("Reply in one line."), HumanMessage(QUESTION)]
    for name, words in {
        "unsupported": "System role not supported",
        "developer-instruction": "Developer instruction is not enabled for this model",
        "enum": "messages[0].role: value 'system' is not one of ['user', 'assistant']",
        "variant": "unknown variant `system`, expected `user` or `assistant`",
    }.items():

        def has_system(request: Request, words: str = words) -> str:
            return words if any(message["role"] == "system" for message in request.messages) else ""

        yield _made(f"no-system-{name}", has_system, system, "Reply in one line.", QUESTION)

    def late_system(request: Request) -> str:
        roles = [message["role"] for message in request.messages]
        return "System message must be at the beginning." if "system" in roles[1:] else ""

    late = [
        HumanMessage("Good day."),
        AIMessage("Good day to you."),
        SystemMessage("Reply in one line."),
        HumanMessage(QUESTION),
    ]
    yield _made("late-system", late_system, late, "Reply in one line.")

    def first_is_assistant(request: Request) -> str:
        return "First message must be from user" if request.messages[0]["role"] == "assistant" else ""

    yield _made(
        "assistant-first", first_is_assistant, [AIMessage("Welcome to the mill."), HumanMessage(QUESTION)], QUESTION
    )


def _contents() -> Iterator[Scenario]:
    parts = [{"type": "text", "text": "Look at the mill."}, {"type": "text", "text": QUESTION}]
    for name, words in {
        "string": "messages[0].content: Input should be a valid string",
        "list": "invalid type: sequence, expected a string at messages[0].content",
        "must-be": "'messages.0.content' : value must be a string",
    }.items():

        def has_parts(request: Request, words: str = words) -> str:
            return words if any(isinstance(message.get("content"), list) for message in request.messages) else ""

        yield _made(f"parts-{name}", has_parts, [HumanMessage(parts)], "Look at the mill.", QUESTION)

    def empty(request: Request) -> str:
        at = [i for i, m in enumerate(request.messages) if not m.get("content") and not m.get("tool_calls")]
        return f"messages.{at[0]}: all messages must have non-empty content" if at else ""

    refused: list[Any] = [
        HumanMessage("Open the sluice."),
        AIMessage("", additional_kwargs={"refusal": "I may not open it."}),
        HumanMessage(QUESTION),
    ]
    yield _made("refusal-in-the-history", empty, refused, QUESTION)
    part = [
        HumanMessage("Open the sluice."),
        AIMessage([{"type": "refusal", "refusal": "I may not."}]),
        HumanMessage(QUESTION),
    ]
    yield _made("refusal-part-in-the-history", empty, part, QUESTION)

    def unknown_part(request: Request) -> str:
        lists = [message["content"] for message in request.messages if isinstance(message.get("content"), list)]
        kinds = {item.get("type") for content in lists for item in content}
        return "messages.1.content.0.type: unknown variant `refusal`" if "refusal" in kinds else ""

    yield _made("refusal-part-is-unknown", unknown_part, part, QUESTION)
    yield _made("empty-assistant", empty, [HumanMessage("Good day."), AIMessage(""), HumanMessage(QUESTION)], QUESTION)

    def null(request: Request) -> str:
        return "messages.1.content: field required" if any(m.get("content") is None for m in request.messages) else ""

    call = {"name": "multiply", "args": {"a": 1, "b": 2}, "id": "call_m1", "type": "tool_call"}
    used = [
        HumanMessage("1 * 2?"),
        AIMessage("", tool_calls=[call]),
        ToolMessage("2", tool_call_id="call_m1"),
        HumanMessage(QUESTION),
    ]
    yield _made("null-content-of-a-call", null, used, QUESTION, tools=(multiply,))


def _one_refuses() -> Iterator[Scenario]:
    """A refusal that no rewriting mends is that candidate's failure alone."""
    for name, words in {"policy": "Your organization must be verified", "model": "model m-1 is not loaded"}.items():
        pool = {"a": refuse(words), "b": HEALTHY, "c": HEALTHY}
        yield scenario(KIND, f"no-form-helps-{name}", pool, answers(), asked(a=2), modes=("plain",))
    strict = unless(lambda request: "roles must alternate" if len(request.messages) > 1 else "", say(RIGHT))
    talk = [HumanMessage("One."), AIMessage("Two."), HumanMessage(QUESTION)]
    yield scenario(
        KIND,
        "never-alternates-enough",
        {"a": strict, "b": HEALTHY, "c": HEALTHY},
        answers(),
        asked(a=3),
        question=talk,
        modes=("plain",),
    )
    yield scenario(
        KIND,
        "healthy",
        {"a": HEALTHY, "b": HEALTHY},
        answers(),
        nobody_fails,
        question=[DEVELOPER, HumanMessage(QUESTION)],
    )


SCENARIOS = [*_developer(), *_names(), *_roles(), *_contents(), *_one_refuses()]
