"""Live models on a tape: paid once, played word for word, and still of their own class."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, HumanMessage
from langchain_openai import ChatOpenAI

from lightrouter_graph.errors import EvaluationError
from lightrouter_graph.evaluation.call_log import log_calls, request_sample
from lightrouter_graph.evaluation.methods.sampling import ask
from lightrouter_graph.evaluation.models.candidates import facts_of_candidate, replay_only
from lightrouter_graph.evaluation.models.cassette import Cassette, Prompt, cap_of
from lightrouter_graph.evaluation.models.recording_model import WallClock, with_cassette
from lightrouter_graph.evaluation.models.spend_limit import SpendLimit
from lightrouter_graph.evaluation.questions import Question
from lightrouter_graph.evaluation.records import ModelCall
from lightrouter_graph.pocket.chat import ChatPocket
from lightrouter_graph.pool import Candidate
from lightrouter_graph.providers.model_facts import is_openai_like
from lightrouter_graph.testing import Fail, RecordedModelServer, Reply, ScriptedChatModel, Timing, VirtualClock
from lightrouter_graph.testing.tokens import count_prompt_tokens, count_tokens

TEXT = "Two and two are added, one after the other. The answer is 4."
ASKED = Question("q", "What is 2 + 2?")
SECRET = "corp-4711-very-long-and-secret"


@pytest.fixture
def server() -> Iterator[RecordedModelServer]:
    with RecordedModelServer([{"question": ASKED.text, "outputs": {"m": {"text": TEXT}}}], api_key=SECRET) as running:
        yield running


def openai(server: RecordedModelServer, **more: Any) -> Candidate:
    headers = {"X-Api-Key": "header-0815-also-a-secret"}
    settings = {"model": "m", "base_url": server.base_url, "api_key": SECRET, "default_headers": headers} | more
    return Candidate("m", ChatOpenAI(**settings), price=(1.0, 2.0))


def scripted(response: Any = TEXT, clock: Any = None, **more: Any) -> Candidate:
    return Candidate(
        "m", ScriptedChatModel(responses=response, name="m", clock=clock or VirtualClock(), **more), price=(1.0, 2.0)
    )


def play(candidate: Candidate, **more: Any) -> tuple[str, str | None, Any, Any]:
    """Ask in full; return the text, how it ended, and the call's account."""

    async def one() -> Any:
        with log_calls() as calls:
            said = await ask(candidate, ASKED, **more)
        return said, calls

    said, calls = asyncio.run(one())
    return said.text, said.completion.finish_reason, calls[0] if calls else None, said.completion.failure


@pytest.mark.parametrize("stream_internally", [True, False])
def test_an_endpoint_is_asked_once_and_played_word_for_word(
    server: RecordedModelServer, tmp_path: Path, stream_internally: bool
) -> None:
    candidate, path = openai(server), tmp_path / "calls.jsonl"
    first = play(
        with_cassette(candidate, Cassette(path), VirtualClock(), SpendLimit()), stream_internally=stream_internally
    )
    server.wait_until_idle()
    bill = server.total()
    again = play(with_cassette(candidate, Cassette(path), VirtualClock(), None), stream_internally=stream_internally)
    assert first[:2] == again[:2] == (TEXT, "stop")
    for call in (first[2], again[2]):
        assert (
            (call["input_tokens"], call["output_tokens"])
            == (bill.input_tokens, bill.output_tokens)
            == (10, count_tokens(TEXT))
        )
        assert call["usd"] == pytest.approx((bill.input_tokens + 2 * bill.output_tokens) / 1e6)
        assert not call["stopped"]
    assert server.total().calls == 1
    assert isinstance(candidate.model, ChatOpenAI)
    assert type(candidate.model) is ChatOpenAI  # the original is as it was


@pytest.mark.parametrize("stream_internally", [True, False])
def test_a_truncated_reply_has_its_finish_reason(server: RecordedModelServer, stream_internally: bool) -> None:
    candidate, tape = openai(server), Cassette()
    for purse in (SpendLimit(), None):
        text, ended, call, _ = play(
            with_cassette(candidate, tape, VirtualClock(), purse), stream_internally=stream_internally, max_tokens=5
        )
        assert (text, ended, call["output_tokens"]) == ("Two and two are added", "length", 5)


def test_no_secret_is_in_the_file_even_if_the_model_returns_it(tmp_path: Path) -> None:
    said = f"My key is {SECRET}, my header header-0815-also-a-secret, and sk-proj-abcdef0123456789 is another. 4"
    record = {"question": ASKED.text, "outputs": {"m": {"text": said}}}
    with RecordedModelServer([record], api_key=SECRET) as server:
        play(with_cassette(openai(server), Cassette(tmp_path / "calls.jsonl"), VirtualClock(), SpendLimit()))
        server.failures["m"] = Fail(400, f"bad key {SECRET}")
        failure = play(
            with_cassette(openai(server), Cassette(tmp_path / "calls.jsonl"), VirtualClock(), SpendLimit()),
            max_tokens=3,
        )[3]
    assert failure is not None
    text = (tmp_path / "calls.jsonl").read_text()
    assert "My key is" in text
    for secret in (SECRET, "header-0815", "sk-proj", server.__class__.__name__, "127.0.0.1"):
        assert secret not in text
        assert secret not in failure["message"]


@pytest.mark.parametrize("model", [ScriptedChatModel(responses=TEXT), ChatPocket()])
def test_other_models_come_back_word_for_word(model: BaseChatModel, tmp_path: Path) -> None:
    candidate, path = Candidate("m", model), tmp_path / "calls.jsonl"
    told = [play(with_cassette(candidate, Cassette(path), VirtualClock(), purse)) for purse in (SpendLimit(), None)]
    assert told[0][0] == told[1][0] == ask_itself(candidate)
    assert told[0][0]
    assert told[0][1] == told[1][1]
    assert told[0][2]["output_tokens"] == told[1][2]["output_tokens"] > 0


def ask_itself(candidate: Candidate) -> str:
    return asyncio.run(ask(candidate, ASKED)).text


def test_what_is_known_of_a_class_still_holds(server: RecordedModelServer) -> None:
    for candidate in (openai(server), Candidate("p", ChatPocket()), scripted()):
        recorded = with_cassette(candidate, Cassette(), VirtualClock(), SpendLimit())
        assert isinstance(recorded.model, type(candidate.model))
        assert is_openai_like(recorded.model) == is_openai_like(candidate.model)
        for fact in (
            "name",
            "price",
            "provider",
            "model_name",
            "limit_parameter",
            "limit_is_field",
            "continuation",
            "json_mode",
        ):
            assert getattr(recorded, fact) == getattr(candidate, fact), fact
        assert "recorder" not in type(candidate.model).__dict__


def test_a_streamed_reply_is_played_at_its_own_pace() -> None:
    clock, tape = VirtualClock(), Cassette()
    slow = scripted(Reply(TEXT, delay_s=2.0, delay_per_token_s=0.25), clock)
    live = play(with_cassette(slow, tape, clock, SpendLimit()), stream_internally=True)[2]
    later = VirtualClock()
    later.now = 1000.0
    again = play(with_cassette(slow, tape, later, None), stream_internally=True)[2]
    assert live["ended_s"] - live["began_s"] > 4.0
    assert again["ended_s"] - again["began_s"] == pytest.approx(live["ended_s"] - live["began_s"])
    assert again["first_token_s"] == pytest.approx(1000.0 + live["first_token_s"] - live["began_s"])
    assert len(slow.model.calls) == 1


def test_equal_parallel_prompts_are_paid_once_and_all_get_the_reply() -> None:
    clock = VirtualClock()
    slow = scripted(Reply(TEXT, delay_s=3.0), clock)
    tape, purse = Cassette(), SpendLimit()
    decks = [with_cassette(slow, tape, clock, purse) for _ in range(5)]

    async def all_of_them() -> tuple[list[str], list[ModelCall]]:
        with log_calls() as calls:
            said = await asyncio.gather(*(ask(deck, ASKED) for deck in decks))
        return [one.text for one in said], calls

    texts, calls = asyncio.run(all_of_them())
    assert texts == [TEXT] * 5
    assert len(slow.model.calls) == purse.calls == len(tape) == 1
    assert [call["output_tokens"] for call in calls] == [count_tokens(TEXT)] * 5  # each method pays for its own
    assert clock.now == 3.0


def test_a_waiting_call_is_sent_if_the_first_was_cancelled() -> None:
    clock = VirtualClock()
    slow = scripted([Reply("", hang=True), TEXT], clock)
    tape = Cassette()
    deck = with_cassette(slow, tape, clock, SpendLimit())

    async def both() -> str:
        hanging = asyncio.create_task(ask(deck, ASKED))
        await clock.sleep(1.0)
        waiting = asyncio.create_task(ask(deck, ASKED))
        await clock.sleep(1.0)
        hanging.cancel()
        await asyncio.gather(hanging, return_exceptions=True)
        return (await waiting).text

    assert asyncio.run(both()) == TEXT
    assert len(slow.model.calls) == 2


def test_a_stopped_call_is_asked_again_live_and_hangs_when_played(tmp_path: Path) -> None:
    clock, path = VirtualClock(), tmp_path / "calls.jsonl"
    slow = scripted([Reply("", hang=True), TEXT], clock)

    async def stop(candidate: Candidate, clock: VirtualClock, seconds: float) -> list[ModelCall]:
        with log_calls() as calls:
            asking = asyncio.create_task(ask(candidate, ASKED))
            await clock.sleep(seconds)
            assert not asking.done()
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)
        return calls

    (live,) = asyncio.run(stop(with_cassette(slow, Cassette(path), clock, SpendLimit()), clock, 4.0))
    assert (live["stopped"], live["output_tokens"], live["ended_s"] - live["began_s"]) == (True, 0, 4.0)
    assert json.loads(path.read_text())["text"] is None
    assert len(Cassette(path)) == 0
    played = VirtualClock()
    (again,) = asyncio.run(stop(with_cassette(slow, Cassette(path), played, None), played, 500.0))
    assert (again["stopped"], again["output_tokens"]) == (True, 0)
    assert play(with_cassette(slow, Cassette(path), VirtualClock(), SpendLimit()))[0] == TEXT
    assert play(with_cassette(slow, Cassette(path), VirtualClock(), None))[0] == TEXT
    assert len(slow.model.calls) == 2


def test_what_a_stopped_call_had_written_costs_the_same_when_it_is_played(tmp_path: Path) -> None:
    async def stop(candidate: Candidate, clock: VirtualClock) -> ModelCall:
        with log_calls() as calls:
            asking = asyncio.create_task(ask(candidate, ASKED, stream_internally=True))
            await clock.sleep(5.5)
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)
        return calls[0]

    clock, played, path = VirtualClock(), VirtualClock(), tmp_path / "calls.jsonl"
    slow = scripted(Reply(TEXT, delay_per_token_s=1.0), clock)
    live = asyncio.run(stop(with_cassette(slow, Cassette(path), clock, SpendLimit()), clock))
    again = asyncio.run(stop(with_cassette(slow, Cassette(path), played, None), played))
    assert live["stopped"]
    assert again["stopped"]
    assert live["output_tokens"] > 0
    assert (again["input_tokens"], again["output_tokens"]) == (live["input_tokens"], live["output_tokens"])
    assert again["usd"] == live["usd"]


def test_a_reply_that_is_stopped_while_it_is_played_costs_what_was_due_by_then() -> None:
    clock, tape = VirtualClock(), Cassette()
    slow = scripted(Reply(TEXT, delay_per_token_s=1.0), clock)
    play(with_cassette(slow, tape, clock, SpendLimit()), stream_internally=True)
    tokens, played = count_tokens(TEXT), VirtualClock()
    deck = with_cassette(slow, tape, played, None)

    async def stop() -> list[ModelCall]:
        with log_calls() as calls:
            asking = asyncio.create_task(ask(deck, ASKED, stream_internally=True))
            await played.sleep(tokens / 2)
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)
        return calls

    (call,) = asyncio.run(stop())
    assert call["stopped"]
    assert abs(call["output_tokens"] - tokens / 2) <= 1


def test_what_was_never_recorded_is_an_error_that_shows_the_prompt() -> None:
    failure = play_failure(with_cassette(scripted(), Cassette(), VirtualClock(), None))
    assert "this call of m was not recorded: 'What is 2 + 2?'" in failure


def play_failure(candidate: Candidate) -> str:
    said = asyncio.run(ask(candidate, ASKED))
    assert said.completion.failure is not None
    return said.completion.failure["message"]


def test_a_failed_call_is_not_on_the_tape_and_is_asked_again(tmp_path: Path) -> None:
    path = tmp_path / "calls.jsonl"
    moody = scripted([ValueError("no"), TEXT])
    assert "no" in play_failure(with_cassette(moody, Cassette(path), VirtualClock(), SpendLimit()))
    assert not path.exists()
    assert play(with_cassette(moody, Cassette(path), VirtualClock(), SpendLimit()))[0] == TEXT


def test_a_rejected_call_costs_nothing_and_a_broken_one_its_tokens() -> None:
    async def spent(candidate: Candidate) -> list[ModelCall]:
        with log_calls() as calls:
            said = await ask(
                with_cassette(candidate, Cassette(), VirtualClock(), SpendLimit()), ASKED, stream_internally=True
            )
        assert said.completion.failure is not None
        return calls

    assert asyncio.run(spent(scripted(ValueError("no")))) == []
    (broken,) = asyncio.run(spent(scripted(Reply("One two three", error=ValueError("broke off")))))
    assert (broken["output_tokens"], broken["stopped"]) == (3, True)


def test_samples_caps_messages_and_candidates_are_different_things_to_ask() -> None:
    model = scripted([f"{n} The answer is {n}." for n in range(9)])
    other = Candidate("other", model.model)
    deck, beside = (with_cassette(one, Cassette(), VirtualClock(), SpendLimit()) for one in (model, other))

    async def all_of_them() -> list[str]:
        prompt = [HumanMessage(ASKED.text), AIMessage("4")]
        wanted: list[dict[str, Any]] = [{}, {"sample": 1}, {"max_tokens": 50}, {"max_tokens": 51}, {"messages": prompt}]
        first = [(await ask(deck, ASKED, **more)).text for more in wanted]
        assert first == [(await ask(deck, ASKED, **more)).text for more in wanted]
        with request_sample(1):
            pass
        return [*first, (await ask(beside, ASKED)).text]

    texts = asyncio.run(all_of_them())
    assert len(set(texts)) == 6 == len(model.model.calls)


@pytest.mark.parametrize("name", ["max_tokens", "max_completion_tokens", "max_output_tokens", "num_predict"])
def test_the_name_of_the_cap_is_no_part_of_what_is_asked(name: str) -> None:
    bare = ScriptedChatModel(responses=TEXT)
    assert cap_of(bare, {name: 77}) == cap_of(bare, {"extra_body": {name: 77}}) == 77
    assert cap_of(bare, {}) is None
    assert cap_of(bare, {"extra_body": None}) is None
    assert cap_of(ScriptedChatModel(responses=TEXT, max_tokens=5), {}) == 5
    assert cap_of(ScriptedChatModel(responses=TEXT, max_tokens=5), {name: 77}) == 77


def test_keys_are_those_of_earlier_tapes() -> None:
    told = Prompt("m", (HumanMessage("What is 2 + 2?"),), 77, (), 0)
    assert told.key == Prompt("m", [HumanMessage("What is 2 + 2?", id="x")], 77, [], 0).key
    assert told.key == "9c265d404ca65c2f02ae312ed34d872c"


def test_a_candidate_known_from_its_recording_alone_finds_its_calls(
    server: RecordedModelServer, tmp_path: Path
) -> None:
    path = tmp_path / "calls.jsonl"
    for candidate in (openai(server, max_tokens=500), openai(server)):
        live = with_cassette(candidate, Cassette(path), VirtualClock(), SpendLimit())
        told = [play(live, stream_internally=True), play(live, max_tokens=5)]
        facts = json.loads(json.dumps(facts_of_candidate(candidate)))
        assert SECRET not in json.dumps(facts)
        played = with_cassette(replay_only(facts), Cassette(path), VirtualClock(), None)
        again = [play(played, stream_internally=True), play(played, max_tokens=5)]
        assert [one[:2] for one in told] == [one[:2] for one in again]
        assert [one[2]["usd"] for one in told] == [one[2]["usd"] for one in again]


def test_a_candidate_known_from_its_recording_cannot_be_asked() -> None:
    dumb = replay_only(facts_of_candidate(scripted()))
    assert "m has only recorded responses and cannot be called" in play_failure(dumb)


def test_a_torn_tape_goes_on_and_a_damaged_one_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "calls.jsonl"
    model = scripted([TEXT, "other"])
    play(with_cassette(model, Cassette(path), VirtualClock(), SpendLimit()))
    whole = path.read_bytes()
    path.write_bytes(whole + whole[:40])
    assert play(with_cassette(model, Cassette(path), VirtualClock(), None))[0] == TEXT
    assert path.read_bytes() == whole
    path.write_bytes(whole + b"\x80\x81 garbage\n")
    with pytest.raises(EvaluationError, match=r"calls\.jsonl, line 2: not a recorded call"):
        Cassette(path)


def test_counts_are_ours_where_the_provider_gives_none() -> None:
    deck = with_cassette(scripted(reports_usage=False), Cassette(), VirtualClock(), SpendLimit())
    call = play(deck)[2]
    assert (call["input_tokens"], call["output_tokens"]) == (count_prompt_tokens([ASKED.text]), count_tokens(TEXT))


def test_timing_of_a_server_is_measured_by_the_wall(server: RecordedModelServer) -> None:
    server.timings["m"] = Timing(0.05, 0)
    call = play(with_cassette(openai(server), Cassette(), WallClock(), SpendLimit()), stream_internally=True)[2]
    assert call["ended_s"] - call["began_s"] >= 0.05
    assert call["first_token_s"] is not None
    assert call["first_token_s"] - call["began_s"] >= 0.05
