"""Live runs in one process: full answers, methods, spend limit and failures."""

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lightrouter_graph.errors import BudgetError, EvaluationError, LightRouterError
from lightrouter_graph.evaluation.live_runner import LiveRunner, Roles
from lightrouter_graph.evaluation.methods.registry import named
from lightrouter_graph.evaluation.models.cassette import Cassette
from lightrouter_graph.evaluation.models.spend_limit import SpendLimit
from lightrouter_graph.evaluation.questions import Question, fold_of
from lightrouter_graph.evaluation.records import Result
from lightrouter_graph.evaluation.scoring import scorer_for
from lightrouter_graph.pool import Candidate, Pool
from lightrouter_graph.testing import Reply, ScriptedChatModel, VirtualClock
from lightrouter_graph.testing.tokens import count_prompt_tokens, count_tokens

ASKED = tuple(Question(f"q{i}", f"What is {i} plus {i}?", reference=str(2 * i)) for i in range(6))
PRICE = (100.0, 200.0)


def knowing(wrong_by: int = 0, steps: int = 0) -> Any:
    """Say what the question's two numbers add up to, or something else."""

    def say(messages: Any) -> str:
        number = int(str(messages[0].text).split()[2])
        return " ".join(["step"] * steps + [f"The answer is {2 * number + wrong_by}."])

    return say


def scripted(name: str, response: Any, **more: Any) -> Candidate:
    return Candidate(name, ScriptedChatModel(responses=response, name=name, continues=True), price=PRICE, **more)


def pool() -> Pool:
    return Pool([scripted("good", knowing()), scripted("bad", knowing(1)), scripted("odd", knowing(0, 30))])


def live(candidates: Pool, path: Path | None = None, **more: Any) -> LiveRunner:
    settings = {"score": scorer_for("number").score, "max_tokens": 60, "clock": VirtualClock()} | more
    return LiveRunner(Roles(candidates), Cassette(path), settings.pop("purse", SpendLimit()), **settings)


def run(running: LiveRunner, *methods: str, asked: tuple[Question, ...] = ASKED) -> tuple[list[Question], list[Result]]:
    """Collect and run; what was kept by the time an error is raised is lost here."""
    kept: list[Result] = []

    async def both() -> list[Question]:
        answered = await running.score_outputs(await running.collect(asked, lambda _: None), lambda _: None)
        for method in methods:
            await running.run(named(method), answered, answered, kept.append)
        return answered

    return asyncio.run(both()), kept


def calls_of(candidates: Pool) -> dict[str, int]:
    return {candidate.name: len(candidate.model.calls) for candidate in candidates}


def test_every_candidate_answers_every_question_once_and_is_scored(tmp_path: Path) -> None:
    candidates = pool()
    answered, _ = run(live(candidates, tmp_path / "calls.jsonl"))
    assert calls_of(candidates) == {"good": 6, "bad": 6, "odd": 6}
    for question in answered:
        assert {name: output.score for name, output in question.outputs.items()} == {"good": 1, "bad": 0, "odd": 1}
        good = question.outputs["good"]
        assert good.text == f"The answer is {question.reference}."
        assert (good.tokens, good.input_tokens) == (count_tokens(good.text), count_prompt_tokens([question.text]))
        assert good.finished


def test_a_method_pays_as_if_it_were_alone_though_equal_calls_are_made_once() -> None:
    candidates = pool()
    capped = "boot_tokens=20,agree=none"
    _, kept = run(live(candidates), f"lightrouter:width=3,top_k=3,{capped}", f"lightrouter:width=2,top_k=3,{capped}")
    assert [r["calls"] for r in kept] == [4] * 12  # two boots are whole answers; the third goes on
    for result in kept:
        spent = result["spent"]
        assert result["output_tokens"] == sum(call["output_tokens"] for call in spent) > 0
        assert result["usd"] == pytest.approx((result["input_tokens"] * 100 + result["output_tokens"] * 200) / 1e6)
    assert calls_of(candidates) == {"good": 12, "bad": 12, "odd": 12}  # in full, and a boot


def test_a_boot_that_agreement_stopped_costs_what_its_model_had_written() -> None:
    clock = VirtualClock()

    def slow(name: str, steps: int, wrong_by: int = 0) -> Candidate:
        def say(messages: Any) -> Reply:
            return Reply(knowing(wrong_by, steps)(messages), delay_per_token_s=0.25)

        return Candidate(name, ScriptedChatModel(responses=say, name=name, clock=clock), price=PRICE)

    candidates = Pool([slow("a", 4), slow("b", 10), slow("c", 120, wrong_by=1)])
    _, (result,) = run(live(candidates, clock=clock, max_tokens=None), "lightrouter", asked=ASKED[:1])
    (stopped,) = [call for call in result["spent"] if call["stopped"]]
    assert stopped["candidate"] == "c"
    ran = stopped["ended_s"] - stopped["began_s"]
    assert stopped["output_tokens"] == pytest.approx(ran / 0.25, abs=1)
    assert stopped["output_tokens"] > 10
    assert stopped["usd"] == pytest.approx((stopped["input_tokens"] * 100 + stopped["output_tokens"] * 200) / 1e6)


def test_history_is_of_other_folds_alone() -> None:
    seen: list[tuple[int, set[str]]] = []

    class Watching:
        name, label, needs = "watching", "watching", frozenset()

        def fit(self, setting: Any) -> Any:
            seen.append((len(seen), {q.id for q in setting.history}))
            return named("first").fit(setting)

    answered, _ = run(live(pool(), folds=3))
    asyncio.run(live(pool(), folds=3).run(Watching(), answered, answered, lambda _: None))
    for fold, history in seen:
        assert history == {q.id for q in ASKED if fold_of(q.id, 3) != fold}


def test_a_candidate_that_fails_is_an_empty_output_of_score_0_and_no_crash() -> None:
    candidates = Pool([scripted("good", knowing()), scripted("down", [ValueError("broken")] * 20)])
    answered, kept = run(live(candidates), "single:down", "lightrouter:width=2,top_k=2,agree=none")
    assert all(
        (q.outputs["down"].text, q.outputs["down"].score, q.outputs["down"].tokens) == ("", 0, 0) for q in answered
    )
    alone, both = kept[:6], kept[6:]
    assert all("down: " in r["error"] and r["score"] is None and r["chosen"] is None for r in alone)
    assert all(r["score"] == 1 and r["chosen"] == "good" for r in both)


ENOUGH_FOR_SOME = 0.06
"""USD: three times the worst case of a call, and less than the 18 calls take."""


def test_the_budget_is_never_exceeded_and_its_end_is_an_error_not_a_result(tmp_path: Path) -> None:
    candidates, path = pool(), tmp_path / "calls.jsonl"
    purse = SpendLimit(ENOUGH_FOR_SOME)
    with pytest.raises(BudgetError, match=r"budget of 0\.\d+ USD has 0\.\d+ left.*completed calls are kept"):
        run(live(candidates, path, purse=purse))
    made = sum(calls_of(candidates).values())
    assert 4 < made == len(Cassette(path)) == purse.calls < 18
    assert purse.usd <= purse.max_usd
    billed = (
        sum(c.input_tokens * PRICE[0] + c.output_tokens * PRICE[1] for m in candidates for c in m.model.calls) / 1e6
    )
    assert purse.usd == pytest.approx(billed)


def test_a_larger_budget_goes_on_and_pays_for_the_rest_alone(tmp_path: Path) -> None:
    candidates, path = pool(), tmp_path / "calls.jsonl"
    with pytest.raises(BudgetError):
        run(live(candidates, path, purse=SpendLimit(ENOUGH_FOR_SOME)))
    answered, _ = run(live(candidates, path, purse=SpendLimit(1.0)))
    assert calls_of(candidates) == {"good": 6, "bad": 6, "odd": 6}
    assert answered == run(live(pool()))[0] or [q.outputs["odd"].score for q in answered] == [1] * 6


def test_a_result_that_the_budget_spoilt_is_not_kept() -> None:
    candidates = pool()
    answered, _ = run(live(candidates))
    kept: list[Result] = []
    purse = SpendLimit(0.064)  # a boot may take 0.048: the third of the second question is refused
    poor = live(candidates, purse=purse, concurrency=1)
    with pytest.raises(BudgetError):
        asyncio.run(poor.run(named("lightrouter:width=3,top_k=3,agree=none"), answered, answered, kept.append))
    assert all(result["calls"] == 3 for result in kept)


@pytest.mark.parametrize(
    ("candidate", "max_tokens", "lacking"),
    [
        (Candidate("free", ScriptedChatModel(responses=knowing(), name="unheard-of")), 60, "price"),
        (scripted("good", knowing()), None, r"cap on the output \(--max-tokens\)"),
    ],
)
def test_a_budget_that_cannot_be_kept_is_refused_and_nothing_is_called(
    candidate: Candidate, max_tokens: int | None, lacking: str
) -> None:
    with pytest.raises(EvaluationError, match=f"has no known {lacking}"):
        run(live(Pool([candidate]), purse=SpendLimit(1.0), max_tokens=max_tokens))
    assert candidate.model.calls == []


def test_after_an_error_nothing_new_is_begun_and_what_is_under_way_is_finished() -> None:
    done, begun = [], []

    async def work(question: Question) -> str:
        begun.append(question.id)
        await clock.sleep(1.0 if question.id == "q0" else 5.0)
        if question.id == "q0":
            raise LightRouterError("no more")
        done.append(question.id)
        return question.id

    running = live(pool(), concurrency=3)
    clock = running.clock
    with pytest.raises(LightRouterError, match="no more"):
        asyncio.run(running._in_parallel(work, ASKED))
    assert (sorted(begun), sorted(done)) == (["q0", "q1", "q2"], ["q1", "q2"])


def test_a_mistake_of_ours_ends_everything_in_parallel() -> None:
    running = live(pool(), concurrency=2)

    async def work(question: Question) -> None:
        if question.id == "q0":
            raise ZeroDivisionError
        await running.clock.sleep(float("inf"))

    with pytest.raises(ZeroDivisionError):
        asyncio.run(running._in_parallel(work, ASKED))


def test_results_do_not_depend_on_how_many_are_asked_in_parallel_or_in_which_order() -> None:
    methods = ("lightrouter:boot_tokens=4,width=3,top_k=3,agree=none", "lightrouter-by-random:boot_tokens=4,top_k=1")
    told = []
    for concurrency, asked in ((1, ASKED), (6, ASKED), (3, ASKED[::-1])):
        _, kept = run(live(pool(), concurrency=concurrency), *methods, asked=asked)
        keys = ("score", "chosen", "calls", "input_tokens", "output_tokens", "confidence", "answer")
        told.append({(r["method"], r["question"]): [r[key] for key in keys] for r in kept})
    assert told[0] == told[1] == told[2]
    assert len(told[0]) == 12


def test_equal_questions_under_two_ids_are_paid_once() -> None:
    candidates = pool()
    twice = (ASKED[1], replace(ASKED[1], id="again", reference="99"))
    answered, _ = run(live(candidates), asked=twice)
    assert calls_of(candidates) == {"good": 1, "bad": 1, "odd": 1}
    assert [q.outputs["good"].score for q in answered] == [1, 0]
