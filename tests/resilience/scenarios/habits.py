"""Habits of real servers: echoes of a prefix, ignored caps, tool calls as text, models that load on first use."""

import json
from collections.abc import Iterator

from langchain_core.messages import HumanMessage
from resilience.scenarios.checks import answers, asked
from resilience.scenarios.fields import multiply
from resilience.scenarios.outcome import Outcome
from resilience.scenarios.replies import RIGHT, SSE, as_json, in_turn, refuse, say, streamed, whole
from resilience.scenarios.scenario import ESSAY, HEALTHY, Member, Scenario, scenario
from resilience.scenarios.wire import Reply, Request, Respond

KIND = "habits"
LONG = [f"w{number}" for number in range(60)]
WHOLE = " ".join(LONG)
SHORT_BOOT = {"boot_tokens": 20, "top_k": 1, "agree": None}


def _writer(*, echoes: str = "", restarts: bool = False, ignores_cap: bool = False, refuses: str = "") -> Respond:
    """Build a model that writes sixty words, one token each, and goes on after a final assistant message.

    Args:
        echoes: `plain` repeats the prefix in whole bodies, `always` in streams as well.
        restarts: Whether it begins anew instead.
        ignores_cap: Whether it writes on beyond the cap.
        refuses: What it says to a request that ends with an assistant message.
    """

    def respond(request: Request) -> Reply:
        last = request.messages[-1]
        prefix = str(last.get("content") or "").split() if last["role"] == "assistant" else []
        if prefix and refuses:
            return refuse(refuses)(request)
        at = 0 if restarts else len(prefix)
        cap = request.body.get("max_tokens") or request.body.get("max_completion_tokens") or 1000
        words = LONG[at:] if ignores_cap else LONG[at : at + cap]
        reason = "stop" if ignores_cap or at + cap >= len(LONG) else "length"
        echo = echoes == "always" or (echoes == "plain" and not request.streams)
        text = " ".join([*(prefix if echo and not restarts else ()), *words])
        if at and not echo:
            text = f" {text}"
        tokens = (10 + len(prefix), len(words))
        if request.streams:
            return streamed(text, reason, tokens, tokens)
        return as_json(whole(text, reason, tokens), tokens=tokens)

    return respond


HEALTHY_WRITER = _writer()


def _continuations() -> Iterator[Scenario]:
    writers: dict[str, tuple[Respond, int]] = {
        "continues": (_writer(), 2),
        "echoes-whole-bodies": (_writer(echoes="plain"), 2),
        "echoes-always": (_writer(echoes="always"), 2),
        "begins-anew": (_writer(restarts=True), 2),
        "refuses-a-prefix": (
            _writer(refuses="Cannot set `add_generation_prompt` to True with a final assistant message"),
            3,
        ),
        "refuses-in-other-words": (_writer(refuses="Expected last role User or Tool for serving but got assistant"), 3),
    }
    for name, (model, most) in writers.items():
        yield scenario(
            KIND,
            f"prefix-{name}",
            _continued(model),
            answers(WHOLE),
            asked(a=most),
            _sends_its_boot,
            question=[HumanMessage(ESSAY)],
            settings=SHORT_BOOT,
        )
    for name in ("echoes-whole-bodies", "continues", "refuses-a-prefix"):
        model, most = writers[name]
        yield scenario(
            KIND,
            f"prefix-{name}-by-spec",
            {"a": model, "b": HEALTHY_WRITER},
            answers(WHOLE),
            _sends_its_boot,
            question=[HumanMessage(ESSAY)],
            settings=SHORT_BOOT,
            modes=("spec",),
        )
    echo = _continued(_writer(echoes="plain"))
    yield scenario(
        KIND,
        "prefix-echoed-twice-over",
        echo,
        answers(WHOLE),
        asked(a=4),
        question=[HumanMessage(ESSAY)],
        settings=SHORT_BOOT,
        turns=2,
    )
    first = {"question": [HumanMessage(ESSAY)], "settings": {**SHORT_BOOT, "max_tokens": 40}}
    for way in ("plain", "always"):
        capped = _continued(_writer(echoes=way))
        checks = (answers(" ".join(LONG[:40])), asked(a=2), _sends_its_boot)
        yield scenario(KIND, f"prefix-echoed-{way}-under-a-cap", capped, *checks, **first)
    yield scenario(KIND, "prefix-echoed-is-still-continued", echo, _ends_with_its_boot, turns=2, **first)
    yield scenario(
        KIND,
        "cap-is-ignored",
        _writer(ignores_cap=True),
        question=[HumanMessage(ESSAY)],
        settings={**SHORT_BOOT, "max_tokens": 40},
    )


def _continued(model: Respond) -> dict[str, Member | Respond]:
    """Build a pool whose first candidate boots and is continued; a candidate alone does not boot."""
    return {"a": Member(model, candidate={"continuation": "prefill"}), "b": HEALTHY_WRITER}


def _sends_its_boot(outcome: Outcome) -> Iterator[str]:
    if all(request.messages[-1]["role"] != "assistant" for request in outcome.requests_of("a")):
        yield "no request continues a boot"


def _ends_with_its_boot(outcome: Outcome) -> Iterator[str]:
    if outcome.requests_of("a")[-1].messages[-1]["role"] != "assistant":
        yield "an endpoint that echoes the prefix is no longer asked to continue"


CALL = {"name": "multiply", "arguments": {"a": 17, "b": 23}}


def _calls_as_text() -> Iterator[Scenario]:
    plain = json.dumps(CALL)
    forms = {
        "plain": plain,
        "indented": json.dumps(CALL, indent=2),
        "fenced": f"```json\n{plain}\n```",
        "fenced-without-a-language": f"```\n{plain}\n```",
        "parameters": json.dumps({"name": "multiply", "parameters": {"a": 17, "b": 23}}),
        "spaces-around": f"\n\n {plain} \n",
    }
    for name, text in forms.items():
        yield scenario(
            KIND,
            f"call-as-text-{name}",
            {"a": say(text), "b": say(text)},
            _proposes,
            tools=(multiply,),
            modes=("plain",),
        )
    yield scenario(
        KIND,
        "call-as-text-streamed",
        {"a": say(plain), "b": say(plain)},
        _proposes,
        tools=(multiply,),
        modes=("streamed",),
    )
    for name, text in {
        "unknown-tool": json.dumps({"name": "divide", "arguments": {"a": 17, "b": 23}}),
        "arguments-do-not-fit": json.dumps({"name": "multiply", "arguments": {"a": "many"}}),
        "words-around": f"I would call {plain}, if I may.",
        "no-arguments": json.dumps({"name": "multiply"}),
    }.items():
        pool = {"a": say(text), "b": say(text)}
        yield scenario(KIND, f"no-call-{name}", pool, _proposes_nothing, tools=(multiply,), modes=("plain",))


def _proposes(outcome: Outcome) -> Iterator[str]:
    calls = [(call["name"], call["args"]) for call in outcome.answer.tool_calls] if outcome.answer else []
    if calls != [("multiply", {"a": 17, "b": 23})]:
        yield f"proposed {calls} ({outcome.said()})"


def _proposes_nothing(outcome: Outcome) -> Iterator[str]:
    if outcome.answer is not None and outcome.answer.tool_calls:
        yield f"proposed {outcome.answer.tool_calls}"


def _loading() -> Iterator[Scenario]:
    now = {"retry-after": "0"}
    yield scenario(
        KIND,
        "loads-on-first-use",
        in_turn(refuse("Loading model", 503, headers=now), refuse("Loading model", 503, headers=now), HEALTHY),
        answers(),
        modes=("plain", "spec"),
    )
    slow: Respond = lambda request: _delayed(HEALTHY(request), 0.08)  # noqa: E731
    yield scenario(KIND, "slow-first-token", {"a": slow, "b": slow}, answers(), limit_s=1.0)
    comments: Respond = lambda r: Reply([b": keep-alive\n\n" * 3, *_body(r)], headers=SSE, tokens=(10, 5))  # noqa: E731
    yield scenario(KIND, "comments-before-the-stream", comments, answers(), modes=("streamed", "spec"))
    carriage: Respond = lambda r: Reply([b"".join(_body(r)).replace(b"\n", b"\r\n")], headers=SSE, tokens=(10, 5))  # noqa: E731
    yield scenario(KIND, "carriage-returns", carriage, answers(), modes=("streamed",))
    split: Respond = lambda r: Reply([bytes([b]) for b in b"".join(_body(r))], headers=SSE, tokens=(10, 5))  # noqa: E731
    yield scenario(KIND, "one-byte-at-a-time", split, answers(), modes=("streamed",))


def _body(_: Request) -> list[bytes]:
    body = streamed(RIGHT, "stop", (10, 5), (10, 5)).body
    assert not isinstance(body, bytes)
    return list(body)


def _delayed(reply: Reply, seconds: float) -> Reply:
    return Reply(reply.body, reply.status, reply.headers, reply.tokens, seconds)


SCENARIOS = [*_continuations(), *_calls_as_text(), *_loading()]
