"""Sound, files and pictures under a budget: they are not counted by their base64."""

import base64
from collections.abc import Iterator
from typing import Any

from langchain_core.messages import HumanMessage
from resilience.scenarios.checks import answers, bills
from resilience.scenarios.outcome import Outcome
from resilience.scenarios.replies import NOT_GIVEN, RIGHT, say
from resilience.scenarios.scenario import HEALTHY, QUESTION, Scenario, scenario

KIND = "media"
DATA = base64.b64encode(bytes(range(256)) * 900).decode()

BLOCKS: dict[str, dict[str, Any]] = {
    "wav": {"type": "input_audio", "input_audio": {"data": DATA, "format": "wav"}},
    "mp3": {"type": "input_audio", "input_audio": {"data": DATA, "format": "mp3"}},
    "pdf": {"type": "file", "file": {"filename": "mill.pdf", "file_data": f"data:application/pdf;base64,{DATA}"}},
    "picture": {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{DATA}"}},
    "picture-in-detail": {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{DATA}", "detail": "low"}},
    "standard-audio": {"type": "audio", "base64": DATA, "mime_type": "audio/wav"},
    "standard-file": {"type": "file", "base64": DATA, "mime_type": "application/pdf", "filename": "mill.pdf"},
    "standard-picture": {"type": "image", "base64": DATA, "mime_type": "image/png"},
}


def _asked(*blocks: dict[str, Any]) -> list[HumanMessage]:
    return [HumanMessage([{"type": "text", "text": QUESTION}, *blocks])]


def _made() -> Iterator[Scenario]:
    for name, block in BLOCKS.items():
        pool = {"a": say(RIGHT, usage=(310, 5)), "b": say(RIGHT, usage=(310, 5))}
        yield scenario(
            KIND,
            f"usd-{name}",
            pool,
            answers(),
            bills(620, 10),
            question=_asked(block),
            settings={"budget": {"usd": 0.05}},
            modes=("plain",),
        )
    for name in ("wav", "pdf", "standard-file"):
        yield scenario(
            KIND,
            f"tokens-{name}",
            {"a": HEALTHY, "b": HEALTHY},
            answers(),
            question=_asked(BLOCKS[name]),
            settings={"budget": {"tokens": 60_000}},
            modes=("streamed",),
        )
        yield scenario(
            KIND,
            f"no-usage-{name}",
            say(RIGHT, usage=NOT_GIVEN),
            answers(),
            _estimated_below(20_000),
            question=_asked(BLOCKS[name]),
            modes=("plain",),
        )
    pair = _asked(BLOCKS["wav"], BLOCKS["pdf"])
    yield scenario(
        KIND,
        "two-of-them",
        {"a": HEALTHY},
        answers(),
        question=pair,
        settings={"budget": {"usd": 0.08}},
        modes=("plain",),
    )


def _estimated_below(most: int) -> Any:
    def check(outcome: Outcome) -> Iterator[str]:
        usage = outcome.bill.get("usage", {})
        if not 0 < usage.get("input_tokens", 0) < most or not usage["estimated"]:
            yield f"the prompt is billed as {usage}"

    return check


SCENARIOS = list(_made())
