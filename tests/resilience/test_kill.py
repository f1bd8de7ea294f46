"""SIGKILL at any moment of a run: the thread goes on elsewhere, and pays again only for what had not returned."""

import random
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from resilience.kills import Calls, Kill, Undisturbed, asked, kill_and_resume, run_undisturbed
from resilience.routers import NAMES, SETTINGS, serving
from resilience.zygote import Zygote

from lightrouter_graph.testing import Fail

AT_ONCE = 3
SAFE_AFTER_S = 0.5
"""A checkpointer's write is under way for some milliseconds; benchmarks/bench_kills.py measures how many."""


@pytest.fixture(scope="module")
def zygote() -> Iterator[Zygote]:
    with Zygote() as running:
        yield running


@pytest.fixture(scope="module")
def usual(zygote, tmp_path_factory):
    """Return what a setting does when nobody is killed."""
    folder, known = tmp_path_factory.mktemp("undisturbed"), {}

    def of(setting: str, *, synchronous: bool = False) -> Undisturbed:
        case = setting, synchronous
        if case not in known:
            known[case] = run_undisturbed(zygote, setting, folder, synchronous=synchronous)
        return known[case]

    return of


def kill_at_random(zygote: Zygote, usual: Undisturbed, number: int, folder: Path) -> list[Kill]:
    """Kill so many workers, at moments spread over the whole run and a little beyond, in either turn."""
    dice = random.Random(usual.setting)

    def one(i: int) -> Kill:
        turn, place = i % 2, (i + dice.random()) / number
        begun, ended = usual.idle_s / 2, usual.seconds[turn] * 1.5  # others run beside it
        return kill_and_resume(zygote, usual, turn, begun + place * (ended - begun), folder / f"{i}.sqlite")

    with ThreadPoolExecutor(AT_ONCE) as trials:
        return list(trials.map(one, range(number)))


@pytest.mark.parametrize("setting", ["adaptive", "fixed", "paper"])
def test_a_killed_run_goes_on_and_pays_again_only_for_what_was_not_written_down(setting, zygote, usual, tmp_path):
    kill_at_random(zygote, usual(setting), 4, tmp_path)


@pytest.mark.parametrize("setting", ["fixed", "paper"])
def test_so_does_a_synchronous_run(setting, zygote, usual, tmp_path):
    kill_at_random(zygote, usual(setting, synchronous=True), 4, tmp_path)


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("synchronous", [False, True])
@pytest.mark.parametrize("setting", SETTINGS)
def test_so_it_does_wherever_it_is_killed(setting, synchronous, zygote, usual, tmp_path):
    kills = kill_at_random(zygote, usual(setting, synchronous=synchronous), 20, tmp_path)
    assert {kill.stage for kill in kills} >= {"boot", "end"}
    assert sum(kill.kept for kill in kills) > sum(kill.paid_again for kill in kills)


def kill_after(
    zygote: Zygote, setting: str, hanging: dict[str, Fail], replies: int, database: Path, *, synchronous: bool = False
) -> Calls:
    """Kill a worker a moment after so many replies, while calls that never end go on; return what the next one asks."""
    with serving(setting) as before, serving(setting) as after:
        before.failures.update(hanging)
        worker = zygote.start(setting, before.base_url, database, [0], synchronous=synchronous)
        while before.total().calls < replies:
            time.sleep(0.001)
        time.sleep(SAFE_AFTER_S)
        worker.kill()
        zygote.start(setting, after.base_url, database, [0], synchronous=synchronous).join()
        return asked(after)


@pytest.mark.parametrize("synchronous", [False, True])
def test_a_reply_is_safe_a_moment_after_it_came(synchronous, zygote, usual, tmp_path):
    hanging = {name: Fail(hang=True) for name in "bcd"}
    again = kill_after(zygote, "fixed", hanging, 1, tmp_path / "thread.sqlite", synchronous=synchronous)
    assert again == usual("fixed").calls[0] - Counter({("a", 10): 1})


def test_so_is_a_judgement_whose_other_reading_is_under_way(zygote, usual, tmp_path):
    boots = Counter({(name, 10): 1 for name in NAMES})
    again = kill_after(zygote, "paper", {"judge": Fail(hang=True, times=1)}, 5, tmp_path / "thread.sqlite")
    assert again == usual("paper").calls[0] - boots - Counter({("judge", 1000): 1})


def test_nothing_is_asked_twice_on_a_thread_that_is_answered(zygote, usual, tmp_path):
    with serving("fixed") as server:
        for _ in range(2):
            zygote.start("fixed", server.base_url, tmp_path / "thread.sqlite", [0]).join()
        assert asked(server) == usual("fixed").calls[0]
