"""The limit holds whoever calls from wherever, in order, and no place is ever lost."""

import asyncio
import gc
import random
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st
from traffic.road import turns

from lightrouter_graph.event_loops import run_sync
from lightrouter_graph.traffic.places import Places


class Crowd:
    """Counts who is inside, from any thread."""

    def __init__(self):
        self.inside = self.most = self.served = 0
        self._lock = threading.Lock()

    def enter(self):
        with self._lock:
            self.inside += 1
            self.served += 1
            self.most = max(self.most, self.inside)

    def leave(self):
        with self._lock:
            self.inside -= 1


async def visit(places, crowd, pauses=3):
    await places.take()
    crowd.enter()
    try:
        await turns(pauses)
    finally:
        crowd.leave()
        places.give_back()


async def test_a_thousand_tasks_never_exceed_the_limit_and_all_are_served():
    places, crowd = Places(7), Crowd()
    await asyncio.gather(*(visit(places, crowd) for _ in range(1000)))
    assert (crowd.most, crowd.served, places.taken) == (7, 1000, 0)


async def test_places_are_given_in_the_order_of_coming():
    places, order = Places(1), []

    async def guest(number):
        await places.take()
        order.append(number)
        await turns(2)
        places.give_back()

    await asyncio.gather(*(guest(number) for number in range(50)))
    assert order == list(range(50))


async def test_a_freed_place_goes_to_who_waits_not_to_who_comes_just_then():
    places = Places(1)
    await places.take()
    waiting = asyncio.ensure_future(places.take())
    await turns()
    places.give_back()
    assert not await places.take(0.0)
    assert await waiting


async def test_who_is_cancelled_while_waiting_leaves_the_queue():
    places = Places(1)
    await places.take()
    first, second = (asyncio.ensure_future(places.take()) for _ in range(2))
    await turns()
    first.cancel()
    await turns()
    places.give_back()
    assert await second
    places.give_back()
    assert places.taken == 0


async def test_who_is_cancelled_in_the_instant_it_gets_a_place_passes_it_on():
    places = Places(1)
    await places.take()
    first, second = (asyncio.ensure_future(places.take()) for _ in range(2))
    await turns()
    places.give_back()
    first.cancel()
    assert await second
    assert first.cancelled()
    places.give_back()
    assert places.taken == 0


async def test_patience_ends_the_wait_and_takes_nothing():
    places = Places(1)
    assert await places.take(0.0)
    assert not await places.take(0.0)
    assert not await places.take(0.001)
    places.give_back()
    assert places.taken == 0


def in_threads(work, number=4):
    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert not any(thread.is_alive() for thread in threads)


@pytest.mark.parametrize("limit", [1, 7])
def test_one_limit_holds_for_the_event_loops_of_several_threads_while_calls_are_cancelled(limit):
    places, crowd = Places(limit), Crowd()

    async def crowd_of(seed):
        dice = random.Random(seed)
        tasks = [asyncio.ensure_future(visit(places, crowd)) for _ in range(250)]
        for task in tasks:
            if dice.random() < 0.3:
                await asyncio.sleep(0)
                task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    in_threads(lambda seed: asyncio.run(crowd_of(seed)))
    assert crowd.most <= limit
    assert crowd.served >= 4 * 250 * 0.6
    assert places.taken == 0


def test_an_async_and_a_sync_run_share_the_places():
    places = Places(1)

    async def nested():
        await places.take()
        free_there = await asyncio.to_thread(run_sync, places.take, 0.0)
        places.give_back()
        return free_there, await asyncio.to_thread(run_sync, places.take, 0.0)

    assert asyncio.run(nested()) == (False, True)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_place_handed_to_a_task_whose_loop_was_closed_comes_back():
    places, loop = Places(1), asyncio.new_event_loop()
    loop.set_exception_handler(lambda *_: None)  # the task is lost on purpose
    loop.run_until_complete(places.take())
    lost = loop.create_task(visit(places, Crowd()))
    loop.run_until_complete(turns())
    loop.close()
    places.give_back()
    del lost, loop
    gc.collect()
    assert places.taken == 0


async def test_fewer_places_let_calls_under_way_end():
    places = Places(4)
    for _ in range(3):
        await places.take()
    places.resize(1)
    assert (places.limit, places.taken) == (1, 3)
    places.give_back()
    places.give_back()
    assert not await places.take(0.0)
    places.give_back()
    assert await places.take(0.0)
    assert not await places.take(0.0)


async def test_more_places_let_those_in_who_wait():
    places = Places(1)
    waiting = [asyncio.ensure_future(places.take()) for _ in range(4)]
    await turns()
    assert sum(task.done() for task in waiting) == 1
    places.resize(3)
    await turns()
    assert sum(task.done() for task in waiting) == 3
    waiting[3].cancel()
    await asyncio.gather(*waiting, return_exceptions=True)


@given(st.lists(st.one_of(st.sampled_from(["take", "give back"]), st.integers(1, 5)), max_size=40))
def test_whatever_happens_to_the_limit_no_place_is_lost(steps):
    async def play():
        places, held = Places(3), 0
        for step in steps:
            if step == "take":
                free = held < places.limit
                assert await places.take(0.0) is free
                held += free
            elif step == "give back" and held:
                places.give_back()
                held -= 1
            elif isinstance(step, int):
                places.resize(step)
            assert places.taken == held

    asyncio.run(play())
