"""Hundreds of endpoints as they are: each run ends in an answer or in the one error, on time, with a bill that is true.

`pytest -k NAME -m "slow or not slow"` plays one scenario; `SCENARIO_TABLE=1 pytest -s ...` prints a table of the kinds.
"""

import os
from collections import Counter

import pytest
import pytest_asyncio
from resilience.scenarios import catalogue
from resilience.scenarios.holding import wrongs
from resilience.scenarios.playing import play, stage

LEAST = {"a kind of endpoint": 10, "a hole": 3}

USUALLY = 36
"""Scenarios of one kind that are played by default, each in one mode; `-m slow` plays the others."""


def _played():
    """Yield every scenario in every mode; those that are not played by default are marked as slow."""
    for kind in (*catalogue.ENDPOINTS, *catalogue.HOLES):
        made = [scenario for scenario in catalogue.SCENARIOS if scenario.kind == kind]
        share = min(USUALLY / len(made), 1)
        for at, scenario in enumerate(made):
            usual = int((at + 1) * share) > int(at * share) and not scenario.slow
            for mode in scenario.modes:
                marks = [] if usual and mode == scenario.modes[at % len(scenario.modes)] else [pytest.mark.slow]
                yield pytest.param(scenario, mode, id=f"{kind}-{scenario.name}-{mode}", marks=marks)


_tried: Counter[str] = Counter()
_survived: Counter[str] = Counter()


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def played_on():
    async with stage() as running:
        yield running
    if os.environ.get("SCENARIO_TABLE"):
        rows = [f"{kind:<14} {_tried[kind]:>5} {_survived[kind]:>9}" for kind in sorted(_tried)]
        total = f"{'all':<14} {_tried.total():>5} {_survived.total():>9}"
        print("\n" + "\n".join([f"{'kind':<14} {'tried':>5} {'survived':>9}", *rows, total]))  # noqa: T201 - for `-s`


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(("scenario", "mode"), list(_played()))
@pytest.mark.filterwarnings("ignore:Pydantic serializer warnings")  # what an endpoint sends may be of any type
async def test_a_run_ends_in_an_answer_or_the_one_error(played_on, scenario, mode):
    _tried[scenario.kind] += 1
    problems = wrongs(scenario, mode, await play(scenario, mode, played_on))
    if problems:
        pytest.fail("\n".join(problems), pytrace=False)
    _survived[scenario.kind] += 1


def test_there_are_enough_scenarios_of_every_kind():
    assert sum(catalogue.ENDPOINTS.values()) + sum(catalogue.HOLES.values()) >= 400
    assert min(catalogue.ENDPOINTS.values()) >= LEAST["a kind of endpoint"]
    assert min(catalogue.HOLES.values()) >= LEAST["a hole"]
    names = Counter((scenario.kind, scenario.name) for scenario in catalogue.SCENARIOS)
    assert not [name for name, times in names.items() if times > 1]
