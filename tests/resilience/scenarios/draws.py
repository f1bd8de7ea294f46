"""Draws replies from shapes, ends, usages, roles and contents, and refusals from fields, wordings and statuses."""

import json
import random
from typing import Any

from resilience.scenarios.counts import WORDS
from resilience.scenarios.ends import BAD, CUT, FILTERED, GOOD
from resilience.scenarios.fields import SAMPLING, WORDINGS
from resilience.scenarios.replies import NOT_GIVEN, RIGHT, SSE, events, piece, usage_of, whole
from resilience.scenarios.scenario import HEALTHY, Scenario, scenario
from resilience.scenarios.wire import Reply, Request, Respond, Tokens

CONTENTS: tuple[Any, ...] = (
    RIGHT,
    "The answer is 5.",
    "391",
    "The mill turns, and turns.",
    "<think>17 * 20 is 340.</think>The answer is 391.",
    "<think>never closed",
    "",
    " \n ",
    None,
    '{"answer": 391}',
    '```json\n{"answer": 391}\n```',
    "".join(WORDS) * 40,
    "\ud83d The answer is 391.",
    "The answer is 391.\x00",
    "Die Antwort ist 391. ✅",
    [{"type": "text", "text": RIGHT}],
)
ROLES: tuple[Any, ...] = ("assistant", "assistant", "assistant", "user", "system", "tool", "oracle", None, NOT_GIVEN)
EXTRAS: tuple[dict[str, Any], ...] = (
    {},
    {},
    {"refusal": None},
    {"refusal": "I must not."},
    {"reasoning_content": "Seventeen times twenty-three."},
    {"tool_calls": []},
    {"tool_calls": None},
    {"audio": None, "annotations": []},
)
USAGES = ("exact", "exact", "running", "repeated", "total", "null", "absent", "zero")
SHAPES = ("as asked", "as asked", "as asked", "whole", "stream", "one event", "without [DONE]", "cut", "two bodies")
STATUSES = (400, 401, 403, 404, 408, 409, 413, 422, 425, 429, 500, 502, 503, 529)


def draw_reply(dice: random.Random) -> Scenario:
    """Draw what one to three endpoints reply; at times one of them is healthy."""
    pool = {name: _replying(dice) for name in "abc"[: dice.randint(1, 3)]}
    if dice.random() < 0.3:
        pool["d"] = HEALTHY
    return scenario("drawn", f"{len(pool)} replies", pool, settings=_settings(dice))


def draw_refusal(dice: random.Random) -> Scenario:
    """Draw which fields one to three endpoints refuse, in which words and with which status."""
    pool = {name: _refusing(dice) for name in "abc"[: dice.randint(1, 3)]}
    names = dice.sample(sorted(SAMPLING), dice.randint(1, 3))
    arguments = {name: SAMPLING[name] for name in names}
    return scenario("drawn", f"{len(pool)} refusals", pool, arguments=arguments, settings=_settings(dice))


def _settings(dice: random.Random) -> dict[str, Any]:
    calls = {"max_retries": 0, "boot_timeout_s": 3, "timeout_s": 3}
    drawn = {"top_k": dice.randint(2, 4), "boot_tokens": dice.choice([20, 200]), "layers": dice.choice([1, 1, 1, 2])}
    return {"calls": calls, **drawn}


def _replying(dice: random.Random) -> Respond:
    content, role, extra = dice.choice(CONTENTS), dice.choice(ROLES), dice.choice(EXTRAS)
    reason = dice.choice([*GOOD * 3, *CUT, *BAD, *FILTERED, None, "", NOT_GIVEN, 5])
    counting, shape = dice.choice(USAGES), dice.choice(SHAPES)
    if shape != "as asked" and counting == "total":
        counting = "exact"  # hidden tokens of a reply that cannot be read are unknown
    message = {"role": role, **extra}

    def respond(request: Request) -> Reply:
        streams = {"whole": False, "stream": True, "one event": True}.get(shape, request.streams)
        asked = sum(4 + len(str(message.get("content"))) // 4 for message in request.messages)
        tokens = asked, max(len(str(content)) // 4, 1)
        usage, told = _usage(counting, tokens)
        if not streams:
            body = json.dumps(whole(content, reason, usage, **message)).encode()
            return Reply(body * 2) if shape == "two bodies" else Reply(body, tokens=told)
        told = told if request.streams else None  # a stream that was not asked for cannot be read
        return _stream(content, reason, usage, told, message, shape, running=counting == "running")

    return respond


def _usage(counting: str, tokens: Tokens) -> tuple[Any, Tokens | None]:
    """Return a usage object, and the tokens that it amounts to; None if it reports none."""
    read, written = tokens
    match counting:
        case "total":
            return {**usage_of((read, written)), "total_tokens": read + written + 40}, (read, written + 40)
        case "null":
            return None, None
        case "absent":
            return NOT_GIVEN, None
        case "zero":
            return usage_of((0, 0)), None
    return usage_of(tokens), tokens


def _stream(
    content: Any, reason: Any, usage: Any, told: Tokens | None, message: dict[str, Any], shape: str, *, running: bool
) -> Reply:
    first = {name: value for name, value in message.items() if value is not NOT_GIVEN}
    parts = [content] if not isinstance(content, str) else [content[:7], content[7:]]
    partial = [usage_of((told[0], 1))] * len(parts) if running and told else [NOT_GIVEN] * len(parts)
    if shape == "one event":
        bodies = [piece({**first, "content": content}, reason, usage)]
    else:
        deltas = [{**first, "content": parts[0]}, *({"content": part} for part in parts[1:])]
        bodies = [piece(delta, usage=count) for delta, count in zip(deltas, partial, strict=True)]
        bodies += [piece({}, reason), *([] if usage is NOT_GIVEN else [piece(None, usage=usage)])]
    if shape == "cut":
        return Reply([events(*bodies[:-1], done=False)], headers=SSE, end="cut")
    return Reply([events(*bodies, done=shape != "without [DONE]")], headers=SSE, tokens=told)


def _refusing(dice: random.Random) -> Respond:
    names = dice.sample(
        [*SAMPLING, "stream_options", "max_tokens", "max_completion_tokens", "messages"], dice.randint(1, 4)
    )
    wording, status = dice.choice(WORDINGS), dice.choice([400, 400, 422, *STATUSES])
    for_good = dice.random() < 0.2

    def respond(request: Request) -> Reply:
        found = [name for name in names if name in request.body]
        if not found and not for_good:
            return HEALTHY(request)
        reply = wording(found[0] if found else "model", request.body.get(found[0]) if found else None)
        return Reply(reply.body, status, {**reply.headers, "retry-after": "0"})

    return respond
