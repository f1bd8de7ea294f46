"""Drawn replies and drawn refusals: an answer or the one error, a bill that is true, and work that is linear.

`pytest -k draw-123` plays one draw alone, `SCENARIO_DRAWS=1000-1300 pytest ...` others than the usual ones.
"""

import json
import os
import random
import re
from dataclasses import replace
from typing import Any

import pytest
import pytest_asyncio
from resilience.scenarios.draws import draw_refusal, draw_reply
from resilience.scenarios.holding import wrongs
from resilience.scenarios.long import TOKENS, UNITS
from resilience.scenarios.playing import play, stage
from resilience.scenarios.replies import refuse, say
from resilience.scenarios.scenario import scenario

from lightrouter_graph.rate_limits import endpoints

DRAWS, PER_TEST = 120, 20
SIZE, FASTEST_S, TURNS = 24_000, 0.05, 3
"""Characters of the shorter text; a time below which a ratio says nothing; how often a slow one is measured again."""


def pytest_generate_tests(metafunc):
    if "seeds" not in metafunc.fixturenames:
        return
    asked = [int(seed) for seed in re.findall(r"draw-(\d+)", metafunc.config.option.keyword)]
    first, _, end = os.environ.get("SCENARIO_DRAWS", f"0-{DRAWS}").partition("-")
    groups = [range(at, min(at + PER_TEST, int(end))) for at in range(int(first), int(end), PER_TEST)]
    seeds = [range(seed, seed + 1) for seed in asked] or groups
    names = [f"draw-{group[0]}" if len(group) == 1 else f"draws-{group[0]}-to-{group[-1]}" for group in seeds]
    metafunc.parametrize("seeds", seeds, ids=names)


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def played_on():
    async with stage() as running:
        yield running


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("draw", [draw_reply, draw_refusal], ids=["replies", "refusals"])
@pytest.mark.filterwarnings("ignore:Pydantic serializer warnings")  # what an endpoint sends may be of any type
async def test_whatever_is_drawn_ends_in_an_answer_or_the_one_error(played_on, draw, seeds):
    problems = []
    for seed in seeds:
        endpoints.clear()
        drawn, mode = draw(random.Random(seed)), random.Random(~seed).choice(["plain", "streamed"])
        outcome = await play(drawn, mode, played_on)
        problems += [f"draw-{seed} ({drawn.name}, {mode}): {wrong}" for wrong in wrongs(drawn, mode, outcome)]
    if problems:
        pytest.fail("\n".join(problems), pytrace=False)


_TEXTS = {name: unit for name, unit in {**UNITS, **TOKENS}.items() if unit.strip()}
_NAMES = [pytest.param(name, marks=[pytest.mark.slow] * (at % 3 > 0)) for at, name in enumerate(_TEXTS)]


def _written(unit: str, size: int) -> Any:
    """A reply that is compared with another one of its kind, and that differs from it at the end alone."""
    text = unit * (size // len(unit))
    return {"a": say(f"{text} 1"), "b": say(f"{text} 2")}


def _refused(unit: str, size: int) -> Any:
    text = unit * (size // len(unit))
    return refuse(text, 500, body=json.dumps({"error": text}).encode(), headers={"x-should-retry": "false"})


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("write", [_written, _refused], ids=["reply", "error"])
@pytest.mark.parametrize("name", _NAMES)
async def test_twice_the_text_costs_at_most_three_times_the_work(played_on, write, name):
    async def seconds(size: int) -> float:
        played = scenario("linear", name, write(_TEXTS[name], size), modes=("plain",), cpu_s=60.0)
        endpoints.clear()
        return (await play(replace(played, limit_s=10.0), "plain", played_on)).cpu_s

    await seconds(10)  # what is done once, such as building the graph, is no part of the work
    for _ in range(TURNS):  # the machine has other work as well, and only an increase of ours repeats itself
        once, twice = await seconds(SIZE), await seconds(2 * SIZE)
        if twice <= 3 * max(once, FASTEST_S):
            return
    pytest.fail(f"{once:.3f} s for {SIZE:,} characters, {twice:.3f} s for twice as many", pytrace=False)
