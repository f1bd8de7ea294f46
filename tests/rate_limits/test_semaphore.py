"""The limit holds whoever calls from wherever, in order, and no permit is ever lost."""

import asyncio
import gc
import random
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rate_limits.road import turns

from lightrouter_graph.rate_limits.semaphore import ResizableSemaphore
from lightrouter_graph.runtime.event_loops import run_sync


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


async def visit(semaphore, crowd, cooldown=3):
    await semaphore.take()
    crowd.enter()
    try:
        await turns(cooldown)
    finally:
        crowd.leave()
        semaphore.give_back()


async def test_a_thousand_tasks_never_exceed_the_limit_and_all_are_served():
    semaphore, crowd = ResizableSemaphore(7), Crowd()
    await asyncio.gather(*(visit(semaphore, crowd) for _ in range(1000)))
    assert (crowd.most, crowd.served, semaphore.taken) == (7, 1000, 0)


async def test_places_are_given_in_the_order_of_coming():
    semaphore, order = ResizableSemaphore(1), []

    async def guest(number):
        await semaphore.take()
        order.append(number)
        await turns(2)
        semaphore.give_back()

    await asyncio.gather(*(guest(number) for number in range(50)))
    assert order == list(range(50))


async def test_a_freed_place_goes_to_who_waits_not_to_who_comes_just_then():
    semaphore = ResizableSemaphore(1)
    await semaphore.take()
    waiting = asyncio.ensure_future(semaphore.take())
    await turns()
    semaphore.give_back()
    assert not await semaphore.take(0.0)
    assert await waiting


async def test_who_is_cancelled_while_waiting_leaves_the_queue():
    semaphore = ResizableSemaphore(1)
    await semaphore.take()
    first, second = (asyncio.ensure_future(semaphore.take()) for _ in range(2))
    await turns()
    first.cancel()
    await turns()
    semaphore.give_back()
    assert await second
    semaphore.give_back()
    assert semaphore.taken == 0


async def test_who_is_cancelled_in_the_instant_it_gets_a_place_passes_it_on():
    semaphore = ResizableSemaphore(1)
    await semaphore.take()
    first, second = (asyncio.ensure_future(semaphore.take()) for _ in range(2))
    await turns()
    semaphore.give_back()
    first.cancel()
    assert await second
    assert first.cancelled()
    semaphore.give_back()
    assert semaphore.taken == 0


async def test_patience_ends_the_wait_and_takes_nothing():
    semaphore = ResizableSemaphore(1)
    assert await semaphore.take(0.0)
    assert not await semaphore.take(0.0)
    assert not await semaphore.take(0.001)
    semaphore.give_back()
    assert semaphore.taken == 0


def in_threads(work, number=4):
    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert not any(thread.is_alive() for thread in threads)


@pytest.mark.parametrize("limit", [1, 7])
def test_one_limit_holds_for_the_event_loops_of_several_threads_while_calls_are_cancelled(limit):
    semaphore, crowd = ResizableSemaphore(limit), Crowd()

    async def crowd_of(seed):
        dice = random.Random(seed)
        tasks = [asyncio.ensure_future(visit(semaphore, crowd)) for _ in range(250)]
        for task in tasks:
            if dice.random() < 0.3:
                await asyncio.sleep(0)
                task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    in_threads(lambda seed: asyncio.run(crowd_of(seed)))
    assert crowd.most <= limit
    assert crowd.served >= 4 * 250 * 0.6
    assert semaphore.taken == 0


def test_an_async_and_a_sync_run_share_the_places():
    semaphore = ResizableSemaphore(1)

    async def nested():
        await semaphore.take()
        free_there = await asyncio.to_thread(run_sync, semaphore.take, 0.0)
        semaphore.give_back()
        return free_there, await asyncio.to_thread(run_sync, semaphore.take, 0.0)

    assert asyncio.run(nested()) == (False, True)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_place_handed_to_a_task_whose_loop_was_closed_comes_back():
    semaphore, loop = ResizableSemaphore(1), asyncio.new_event_loop()
    loop.set_exception_handler(lambda *_: None)  # the task is lost on purpose
    loop.run_until_complete(semaphore.take())
    lost = loop.create_task(visit(semaphore, Crowd()))
    loop.run_until_complete(turns())
    loop.close()
    semaphore.give_back()
    del lost, loop
    gc.collect()
    assert semaphore.taken == 0


async def test_fewer_places_let_calls_under_way_end():
    semaphore = ResizableSemaphore(4)
    for _ in range(3):
        await semaphore.take()
    semaphore.resize(1)
    assert (semaphore.limit, semaphore.taken) == (1, 3)
    semaphore.give_back()
    semaphore.give_back()
    assert not await semaphore.take(0.0)
    semaphore.give_back()
    assert await semaphore.take(0.0)
    assert not await semaphore.take(0.0)


async def test_more_places_let_those_in_who_wait():
    semaphore = ResizableSemaphore(1)
    waiting = [asyncio.ensure_future(semaphore.take()) for _ in range(4)]
    await turns()
    assert sum(task.done() for task in waiting) == 1
    semaphore.resize(3)
    await turns()
    assert sum(task.done() for task in waiting) == 3
    waiting[3].cancel()
    await asyncio.gather(*waiting, return_exceptions=True)


@given(st.lists(st.one_of(st.sampled_from(["take", "give back"]), st.integers(1, 5)), max_size=40))
def test_whatever_happens_to_the_limit_no_place_is_lost(steps):
    async def play():
        semaphore, held = ResizableSemaphore(3), 0
        for step in steps:
            if step == "take":
                free = held < semaphore.limit
                assert await semaphore.take(0.0) is free
                held += free
            elif step == "give back" and held:
                semaphore.give_back()
                held -= 1
            elif isinstance(step, int):
                semaphore.resize(step)
            assert semaphore.taken == held

    asyncio.run(play())
