"""What holds for any prices, lengths and failures."""

from dataclasses import asdict
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st
from planning.parts import Caller, asking, begun, left, planner, worst_case
from planning.simulated import Run

from lightrouter_graph import Candidate, Context, Pool
from lightrouter_graph.budget.amounts import USD_TOLERANCE, Amount
from lightrouter_graph.budget.remaining import remaining_budget
from lightrouter_graph.budget.spent import total_spent
from lightrouter_graph.context import Budget
from lightrouter_graph.errors import BudgetError
from lightrouter_graph.records import NOTHING_SPENT
from lightrouter_graph.testing import ScriptedChatModel

PRICES = st.none() | st.tuples(st.floats(0, 20), st.floats(0, 80))
POOLS = st.lists(PRICES, min_size=1, max_size=6)
BUDGETS = st.builds(
    Budget,
    usd=st.none() | st.floats(1e-6, 0.5),
    tokens=st.none() | st.integers(1, 120_000),
    calls=st.none() | st.integers(1, 40),
)
PARTS = st.none() | st.builds(Caller, number=st.integers(1, 4), cap=st.none() | st.integers(100, 1000))


@st.composite
def contexts(draw):
    top_k = draw(st.integers(1, 5))
    return Context(
        width=draw(st.none() | st.integers(1, 5)),
        top_k=top_k,
        agree=draw(st.none() | st.integers(2, top_k)) if top_k > 1 else None,
        layers=draw(st.integers(1, 3)),
        max_tokens=draw(st.none() | st.integers(5, 3000)),
        boot_tokens=draw(st.integers(10, 400)),
        conditioning=draw(st.sampled_from(["own", "shared"])),
    )


def pool_of(prices):
    return Pool(
        [Candidate(f"m{place}", ScriptedChatModel(responses="4"), price=price) for place, price in enumerate(prices)]
    )


def within(run: Run, excess: Amount | None = None) -> bool:
    """Whether the budgets were kept, but for the excess of one call and what floats lose."""
    limits = remaining_budget(run.budget, run.thread_budget, NOTHING_SPENT, run.before).allowance
    took, over = asdict(run.took), asdict(excess or Amount())
    lost = {"usd": USD_TOLERANCE * (len(run.calls) + 1)}
    return all(limit is None or took[name] <= limit + over[name] + lost.get(name, 0) for name, limit in limits.items())


MANY = settings(max_examples=100, deadline=None)


@MANY
@given(POOLS, contexts(), BUDGETS, st.none() | BUDGETS, PARTS, PARTS, st.integers(), st.integers(1, 60))
def test_no_budget_is_ever_exceeded(prices, context, budget, thread_budget, judge, writer, seed, wordy):
    before = {**NOTHING_SPENT, "usd": 0.001, "tokens": 500, "calls": 2}
    run = Run(pool_of(prices), context, Random(seed), budget, thread_budget, before, judge, writer, wordy=wordy)
    if not run.go():
        assert not run.calls  # refused before a token was spent
    assert within(run)


@MANY
@given(POOLS, contexts(), BUDGETS, PARTS, PARTS, st.integers(), st.integers(0, 12))
def test_a_reply_above_its_cap_exceeds_a_budget_by_its_own_excess_at_most(
    prices, context, budget, judge, writer, seed, which
):
    run = Run(pool_of(prices), context, Random(seed), budget, judge=judge, writer=writer, ignoring=which)
    run.go()
    assert within(run, run.excess)


@MANY
@given(POOLS, contexts(), BUDGETS, PARTS, PARTS, st.integers())
def test_without_failures_the_plan_is_kept(prices, context, budget, judge, writer, seed):
    """Without failures, and with replies of no more bytes than planned, nothing is cut once the run has begun."""
    run = Run(pool_of(prices), context, Random(seed), budget, judge=judge, writer=writer, failing=0.0)
    if run.go():
        assert run.notes == []
        assert all(plan.step == 0 for plan in run.plans[1:])
        assert run.state["answers"] or any(boot["finished"] for boot in run.state["boots"])


@MANY
@given(POOLS, contexts(), BUDGETS, PARTS, PARTS)
def test_a_plan_never_exceeds_the_remaining_budget(prices, context, budget, judge, writer):
    run = Run(pool_of(prices), context, Random(0), budget, judge=judge, writer=writer, failing=0.0)
    if not run.go():
        return
    plan, first = run.plans[0], run.plans[0].candidates
    worst = worst_case(run.planner, asking(context, pool=run.pool, messages=run.messages), plan)
    for limit in ("usd", "tokens", "calls"):
        allowed = getattr(budget, limit)
        if allowed is not None:
            assert getattr(worst, limit) <= allowed + USD_TOLERANCE
            assert sum(plan.allowances[name][limit] for name in first) <= allowed + len(first) * USD_TOLERANCE


@MANY
@given(POOLS, contexts(), BUDGETS, PARTS, PARTS, st.floats(1, 20))
def test_a_larger_budget_never_degrades_more(prices, context, budget, judge, writer, times):
    pool = pool_of(prices)
    limits = {name: value for name, value in budget if value is not None}
    if not limits:
        return
    small, large = (_plan(pool, context, judge, writer, limits, factor) for factor in (1, times))
    if small is not None:
        assert large is not None
        assert large.step <= small.step
        if large.step == small.step and large.candidates == small.candidates:
            assert (large.settings.get("max_tokens") or 0) >= (small.settings.get("max_tokens") or 0) or (
                "max_tokens" not in large.settings
            )


def _plan(pool, context, judge, writer, limits, factor):
    more = {name: type(value)(value * factor) for name, value in limits.items()}
    query = asking(context, pool=pool, prior_order=pool.names, prior_scores=dict.fromkeys(pool.names, 1.0))
    try:
        return planner(judge, writer).plan_layer(query, left(**more), begun(query))
    except BudgetError:
        return None


@MANY
@given(POOLS, contexts(), BUDGETS, st.integers())
def test_the_counted_cost_is_never_below_the_actual_cost(prices, context, budget, seed):
    if budget.usd is budget.tokens is context.max_tokens is None:
        return  # nobody knows how long a reply was that was lost and had no cap
    run = Run(pool_of(prices), context, Random(seed), budget, failing=0.5)
    run.go()
    counted = total_spent(run.state["call_costs"])
    assert counted["tokens"] >= run.took.tokens
    assert counted["calls"] == run.took.calls
    assert counted["usd"] >= run.took.usd - USD_TOLERANCE
