from builders import spending

from lightrouter_graph.budget import NOTHING, Amount, add_spent, amount_of, spent_by


def test_a_call_that_returned_cost_what_its_provider_said():
    call = spending(usd=0.5, input_tokens=100, output_tokens=20)
    assert amount_of(call) == Amount(0.5, 120, 1)


def test_a_call_that_was_not_made_cost_nothing():
    for fortune in ("unsent", "cached"):
        assert amount_of({**spending(usd=0.5), "fortune": fortune}) == Amount()


def test_a_call_whose_reply_was_lost_counts_as_if_it_had_been_written_to_its_cap():
    lost = {**spending(usd=0.5, input_tokens=100, output_tokens=0), "fortune": "lost", "cap": 200, "output_price": 10.0}
    assert amount_of(lost) == Amount(0.5 + 0.002, 300, 1)
    assert amount_of({**lost, "cap": None}) == Amount(0.5, 100, 1)


def test_a_call_we_cut_off_counts_with_what_it_wrote_at_least():
    cut = {**spending(usd=0.5, input_tokens=100, output_tokens=150), "fortune": "cut", "output_price": 10.0}
    assert amount_of({**cut, "cap": None}) == Amount(0.5, 250, 1)
    assert amount_of({**cut, "cap": 200}) == Amount(0.5 + 50 * 1e-5, 300, 1)


def test_where_nobody_said_what_a_call_took_its_worst_case_counts():
    worst = {"most_tokens": 900, "most_usd": 0.9}
    lost = {**spending(usd=0.5, input_tokens=100, output_tokens=0), "fortune": "lost", "cap": 200, **worst}
    guessed = {**spending(usd=0.5, input_tokens=100, output_tokens=20, estimated=True), **worst}
    told = {**spending(usd=0.5, input_tokens=100, output_tokens=20), **worst}
    assert amount_of(lost) == amount_of(guessed) == Amount(0.9, 900, 1)
    assert amount_of(told) == Amount(0.5, 120, 1)


def test_calls_are_added_up():
    calls = [
        {**spending(usd=0.5, input_tokens=10, output_tokens=5), "seconds": 2.0},
        {**spending(usd=None, input_tokens=10, output_tokens=5), "seconds": 3.0},
        {**spending(usd=None), "fortune": "cached"},
    ]
    assert spent_by(calls) == {"usd": 0.5, "tokens": 30, "calls": 2, "seconds": 5.0, "unpriced": 1}
    assert spent_by(calls, seconds=3.5)["seconds"] == 3.5
    assert spent_by([]) == NOTHING
    assert add_spent(spent_by(calls), spent_by(calls)) == {
        "usd": 1.0,
        "tokens": 60,
        "calls": 4,
        "seconds": 10.0,
        "unpriced": 2,
    }
