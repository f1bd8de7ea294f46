"""The limit holds across event loops and threads, in FIFO order, and no permit is lost."""

import asyncio
import gc
import random
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rate_limits.requests_on import turns

from lightrouter_graph.rate_limits.semaphore import ResizableSemaphore
from lightrouter_graph.runtime.event_loops import run_sync


class Crowd:
    """Counts concurrent holders, from any thread."""

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
    await semaphore.acquire()
    crowd.enter()
    try:
        await turns(cooldown)
    finally:
        crowd.leave()
        semaphore.release()


async def test_a_thousand_tasks_stay_within_the_limit():
    semaphore, crowd = ResizableSemaphore(7), Crowd()
    await asyncio.gather(*(visit(semaphore, crowd) for _ in range(1000)))
    assert (crowd.most, crowd.served, semaphore.taken) == (7, 1000, 0)


async def test_permits_are_acquired_in_fifo_order():
    semaphore, order = ResizableSemaphore(1), []

    async def hold(number):
        await semaphore.acquire()
        order.append(number)
        await turns(2)
        semaphore.release()

    await asyncio.gather(*(hold(number) for number in range(50)))
    assert order == list(range(50))


async def test_a_released_permit_goes_to_the_waiting_task():
    semaphore = ResizableSemaphore(1)
    await semaphore.acquire()
    waiting = asyncio.ensure_future(semaphore.acquire())
    await turns()
    semaphore.release()
    assert not await semaphore.acquire(0.0)
    assert await waiting


async def test_a_task_cancelled_while_waiting_leaves_the_queue():
    semaphore = ResizableSemaphore(1)
    await semaphore.acquire()
    first, second = (asyncio.ensure_future(semaphore.acquire()) for _ in range(2))
    await turns()
    first.cancel()
    await turns()
    semaphore.release()
    assert await second
    semaphore.release()
    assert semaphore.taken == 0


async def test_a_task_cancelled_as_it_gets_a_permit_passes_it_on():
    semaphore = ResizableSemaphore(1)
    await semaphore.acquire()
    first, second = (asyncio.ensure_future(semaphore.acquire()) for _ in range(2))
    await turns()
    semaphore.release()
    first.cancel()
    assert await second
    assert first.cancelled()
    semaphore.release()
    assert semaphore.taken == 0


async def test_a_timeout_acquires_no_permit():
    semaphore = ResizableSemaphore(1)
    assert await semaphore.acquire(0.0)
    assert not await semaphore.acquire(0.0)
    assert not await semaphore.acquire(0.001)
    semaphore.release()
    assert semaphore.taken == 0


def in_threads(work, number=4):
    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert not any(thread.is_alive() for thread in threads)


@pytest.mark.parametrize("limit", [1, 7])
def test_event_loops_in_several_threads_share_the_limit_under_cancellation(limit):
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


def test_an_async_and_a_sync_run_share_the_permits():
    semaphore = ResizableSemaphore(1)

    async def nested():
        await semaphore.acquire()
        free_there = await asyncio.to_thread(run_sync, semaphore.acquire, 0.0)
        semaphore.release()
        return free_there, await asyncio.to_thread(run_sync, semaphore.acquire, 0.0)

    assert asyncio.run(nested()) == (False, True)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_the_permit_of_a_task_in_a_closed_loop_is_released():
    semaphore, loop = ResizableSemaphore(1), asyncio.new_event_loop()
    loop.set_exception_handler(lambda *_: None)  # the task is lost on purpose
    loop.run_until_complete(semaphore.acquire())
    lost = loop.create_task(visit(semaphore, Crowd()))
    loop.run_until_complete(turns())
    loop.close()
    semaphore.release()
    del lost, loop
    gc.collect()
    assert semaphore.taken == 0


async def test_a_lowered_limit_lets_requests_in_flight_end():
    semaphore = ResizableSemaphore(4)
    for _ in range(3):
        await semaphore.acquire()
    semaphore.resize(1)
    assert (semaphore.limit, semaphore.taken) == (1, 3)
    semaphore.release()
    semaphore.release()
    assert not await semaphore.acquire(0.0)
    semaphore.release()
    assert await semaphore.acquire(0.0)
    assert not await semaphore.acquire(0.0)


async def test_a_raised_limit_admits_waiting_tasks():
    semaphore = ResizableSemaphore(1)
    waiting = [asyncio.ensure_future(semaphore.acquire()) for _ in range(4)]
    await turns()
    assert sum(task.done() for task in waiting) == 1
    semaphore.resize(3)
    await turns()
    assert sum(task.done() for task in waiting) == 3
    waiting[3].cancel()
    await asyncio.gather(*waiting, return_exceptions=True)


@given(st.lists(st.one_of(st.sampled_from(["acquire", "release"]), st.integers(1, 5)), max_size=40))
def test_no_permit_is_lost_when_the_limit_changes(steps):
    async def play():
        semaphore, held = ResizableSemaphore(3), 0
        for step in steps:
            if step == "acquire":
                free = held < semaphore.limit
                assert await semaphore.acquire(0.0) is free
                held += free
            elif step == "release" and held:
                semaphore.release()
                held -= 1
            elif isinstance(step, int):
                semaphore.resize(step)
            assert semaphore.taken == held

    asyncio.run(play())
