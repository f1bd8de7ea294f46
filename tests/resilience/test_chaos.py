"""Hundreds of random bad days: each ends in an answer or in the one documented error, on time, and leaves nothing.

`pytest -k seed-123` plays one plan alone, `CHAOS_SEEDS=1000-1300 pytest ...` others than the usual ones; with `-s`
there is a summary.
"""

import asyncio
import gc
import os
import re

import pytest
from resilience.chaos_checks import CAUSES, overrun_s, wrongs
from resilience.chaos_plans import Plan, draw_plan
from resilience.chaos_runs import SETTLES_S, Outcome, Play, count_requests, tasks_told_apart
from resilience.chaos_summary import Summary

from lightrouter_graph.runtime import event_loops
from lightrouter_graph.testing import RecordedModelServer

PLANS, AT_ONCE, PER_TEST = 300, 6, 150
TURNS = 3
"""So often may a plan be played: the machine has other work as well, and only an overrun of ours repeats itself."""

NEVER_HERE = {"budget"}
"""Causes that are too rare to be asked for: where money is short, less is planned from the start."""


def pytest_generate_tests(metafunc):
    if "seeds" not in metafunc.fixturenames:
        return
    asked = [int(seed) for seed in re.findall(r"seed-(\d+)", metafunc.config.option.keyword)]
    first, _, end = os.environ.get("CHAOS_SEEDS", f"0-{PLANS}").partition("-")
    groups = [range(at, min(at + PER_TEST, int(end))) for at in range(int(first), int(end), PER_TEST)]
    seeds = [range(seed, seed + 1) for seed in asked] or groups
    names = [f"seed-{group[0]}" if len(group) == 1 else f"seeds-{group[0]}-to-{group[-1]}" for group in seeds]
    metafunc.parametrize("seeds", seeds, ids=names)


@pytest.fixture(scope="module")
def server():
    with RecordedModelServer() as running:
        yield running


@pytest.mark.timeout(300)
@pytest.mark.filterwarnings("ignore:Pydantic serializer warnings")  # a number for a text; an error here alone
async def test_whatever_goes_wrong_there_is_an_answer_or_the_one_error_and_nothing_is_left(server, seeds):
    outcomes, problems = await play_together(server, [draw_plan(seed) for seed in seeds])
    summary = Summary()
    for outcome in outcomes:
        summary.add(outcome)
        problems += [(outcome, wrong) for wrong in wrongs(outcome)]
        if overrun_s(outcome) > 0:
            summary.again += 1
            problems += await play_again(server, outcome)
    print(f"\n{seeds}\n{summary}")  # noqa: T201 - for `-s`
    if problems:
        pytest.fail(report(problems), pytrace=False)
    if len(seeds) >= PER_TEST:
        assert not set(CAUSES) - set(summary.causes) - NEVER_HERE


async def play_together(server: RecordedModelServer, plans: list[Plan], turn: int = 0):
    """Play plans, some at a time; return what they came to, and what they left behind together."""
    for of_models in (server.responders, server.failures, server.behaviours, server.timings):
        of_models.clear()
    server.reset()
    plays = [Play(plan, server, turn) for plan in plans]
    places = asyncio.Semaphore(AT_ONCE)

    async def run_in_turn(play: Play) -> Outcome:
        async with places:
            return await play.run()

    with tasks_told_apart() as complaints:
        gc.disable()  # among all that a test session holds, one collection takes as long as half a plan
        try:
            outcomes = await asyncio.gather(*map(run_in_turn, plays))
            idle = await asyncio.to_thread(server.in_flight.wait_until_none, SETTLES_S)
        finally:
            gc.enable()
        gc.collect()
        await asyncio.sleep(0)
    left = [f"the event loop complains: {complaint}" for complaint in complaints]
    left += [] if idle else ["requests are still in flight"]
    left += [f"not given back: {connection!r}" for connection in connections() if not connection.is_available()]
    if not idle:
        await asyncio.to_thread(server.wait_until_idle)
    count_requests(server, outcomes)
    return outcomes, [(None, what) for what in left]


async def play_again(server: RecordedModelServer, outcome: Outcome):
    """Play a plan alone that took too long; return what is wrong if it always does."""
    late = [overrun_s(outcome)]
    for turn in range(1, TURNS):
        [again], problems = await play_together(server, [outcome.plan], turn)
        problems += [(again, wrong) for wrong in wrongs(again)]
        if problems or overrun_s(again) <= 0:
            return problems
        late.append(overrun_s(again))
    return [(outcome, f"took too long, by {', '.join(f'{seconds:.3f}' for seconds in late)} s")]


def report(problems) -> str:
    """Say all that is wrong, then what the plans were."""
    plans = {outcome.plan.seed: outcome.plan for outcome, _ in problems if outcome is not None}
    lines = [wrong if outcome is None else f"seed-{outcome.plan.seed}: {wrong}" for outcome, wrong in problems]
    return "\n".join([*lines, "", *(str(plan) for plan in plans.values())])


def connections():
    """The connections of this event loop's client, which are kept for the next call."""
    clients = event_loops._clients.get(asyncio.get_running_loop())
    return [] if clients is None else clients._http._transport._pool.connections
