"""Faults that a review of the rebuilt core found."""

import asyncio
import json

import numpy as np
import pytest
from helpers import decision, long, run, scripted
from langchain_core.caches import InMemoryCache
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import interrupt

from lightrouter_graph import (
    AgreementStop,
    Candidate,
    ChatLightRouter,
    Context,
    FixedTopK,
    Merged,
    SelectionError,
    create_lightrouter,
    decision_of,
)
from lightrouter_graph.testing import ScriptedChatModel
from lightrouter_graph.testing.replies import Reply

ASKED = {"messages": [("user", "How many?")]}
THREAD = {"configurable": {"thread_id": "1"}}


@pytest.mark.parametrize("stop", [AgreementStop(agree=3), FixedTopK(3)])
async def test_an_own_stop_rule_decides_about_finished_boots_too(stop):
    answer = await run(scripted(a="It is 4.", b="It is 4.", c=long("5", 300)), stop=stop, width=3)
    record = decision(answer)
    assert record["bill"]["calls"] == 4
    assert record["stopped"] != "boots_agree"


class Pieces(BaseChatModel):
    """A model that streams given pieces."""

    pieces: list[str]

    @property
    def _llm_type(self):
        return "pieces"

    def _generate(self, messages, stop=None, run_manager=None, **kwargs):
        return ChatResult(generations=[ChatGeneration(message=AIMessage("".join(self.pieces)))])

    def _stream(self, messages, stop=None, run_manager=None, **kwargs):
        for piece in self.pieces:
            yield ChatGenerationChunk(message=AIMessageChunk(piece))


@pytest.mark.parametrize(
    "pieces",
    [["\n", "<think>", "secret", "</think>", "391"], [" ", "\n<th", "ink>secret</think>", "391"], ["\n", "391"]],
)
async def test_reasoning_behind_white_space_does_not_stream(pieces):
    chat = ChatLightRouter([Candidate("x", Pieces(pieces=pieces))])
    text = "".join([chunk.text async for chunk in chat.astream("How many?")])
    assert "secret" not in text
    assert text.strip() == "391"


def test_the_papers_preset_keeps_its_settings_beside_one_by_name():
    chat = ChatLightRouter(scripted(a="a 1", b="b 2", c="c 3"), model="lightrouter-paper", seed=1)
    assert decision(chat.invoke("How many?"))["settings"]["layers"] == 2
    over = Context.paper().overlaid(Context(seed=4).overlaid({"width": 2}))
    assert (over.layers, over.seed, over.width) == (2, 4, 2)


class Asking:
    """A part that asks the user."""

    async def score(self, query, boots):
        interrupt("which?")

    async def merge(self, query, answers):
        interrupt("which?")


@pytest.mark.parametrize("seam", ["selector", "aggregator"])
async def test_a_part_may_interrupt_the_run(seam):
    pool = scripted(a=long("1"), b=long("2"))
    graph = create_lightrouter(pool, boot_tokens=5, top_k=2, agree=None, **{seam: Asking()})
    result = await graph.compile(checkpointer=InMemorySaver()).ainvoke(ASKED, THREAD)
    assert [each.value for each in result["__interrupt__"]] == ["which?"]


def test_a_cache_of_answers_serves_every_thread():
    chat = ChatLightRouter(scripted(a="It is 4.", b="It is 4."), cache=InMemoryCache())
    for thread in "abc":
        chat.invoke("How many?", {"configurable": {"thread_id": thread}})
    assert [len(candidate.model.calls) for candidate in chat.pool] == [1, 1]


async def test_several_answers_of_an_own_rule_do_not_stream_as_the_final_one():
    texts = [f"{word} " * 300 for word in ("red", "blue", "old")]
    pool = scripted(a=texts[0], b=texts[1], c=texts[2])
    chat = ChatLightRouter(pool, stop_rule=FixedTopK(3), top_k=1, aggregator="vote")
    chunks = [chunk async for chunk in chat.astream("Which?")]
    assert "".join(chunk.text for chunk in chunks).strip() in {text.strip() for text in texts}


class Jury:
    """Asks two models the same, in another order after a crash."""

    def __init__(self, *models):
        self.models, self.crashed = models, False

    async def merge(self, query, answers):
        replies = {}
        for model in reversed(self.models) if self.crashed else self.models:
            replies[model.name] = (await query.ask(model, "Judge!")).text
        if not self.crashed:
            self.crashed = True
            raise LookupError("crash")
        return Merged(json.dumps(replies), "jury", "jury")


async def test_a_resumed_part_gets_the_reply_of_the_model_that_it_asks():
    models = [ScriptedChatModel(responses=f"from {name}", name=name) for name in ("x", "y")]
    pool = scripted(a=long("1"), b=long("2"))
    built = create_lightrouter(pool, boot_tokens=5, top_k=2, agree=None, aggregator=Jury(*models))
    graph = built.compile(checkpointer=InMemorySaver())
    with pytest.raises(LookupError):
        await graph.ainvoke(ASKED, THREAD)
    result = await graph.ainvoke(None, THREAD)
    assert json.loads(result["messages"][-1].text) == {"x": "from x", "y": "from y"}


class Slow:
    """A prior that takes its time."""

    async def score(self, query):
        await asyncio.Event().wait()

    async def observe(self, query, decision):
        await asyncio.Event().wait()


async def test_a_prior_that_hangs_is_bound_by_the_deadline(caplog):
    pool = scripted(a="It is 4.", b="It is 4.")
    answer = asyncio.ensure_future(run(pool, prior=Slow(), deadline_s=0.3))
    with pytest.raises(Exception, match="no candidate could answer"):
        await asyncio.wait_for(answer, 5)
    assert "the prior exceeded the deadline" in caplog.text


class Paying:
    """An equivalence that asks a model."""

    async def group(self, query, answers):
        await query.ask(ScriptedChatModel(responses="x " * 500), "The same?")
        return [[answer["candidate"]] for answer in answers]


async def test_calls_of_an_equivalence_are_no_part_of_the_answer():
    answer = await run(scripted(a="red fox", b="blue cat", c="old dog"), equivalence=Paying(), aggregator="vote")
    assert decision(answer)["bill"]["full_ensemble"]["usage"]["output_tokens"] < 100


def test_copies_of_a_chat_model_do_not_keep_every_graph():
    chat = ChatLightRouter(scripted(a="4"))
    for _ in range(40):
        chat.model_copy(update={"pool": scripted(a="4")}).invoke("How many?")
    assert len(chat._graphs) <= 32


class Numbers:
    """An aggregator whose notes are numbers."""

    async def merge(self, query, answers):
        return Merged("four", "numbers", "a", notes={"score": np.float64(0.5), "budget": 12})


async def test_notes_of_a_part_are_recorded_as_text():
    pool = scripted(a=long("1"), b=long("2"))
    answer = await run(pool, boot_tokens=5, top_k=2, agree=None, aggregator=Numbers())
    assert decision(answer)["merge_notes"] == {"score": "0.5"}


def test_old_keys_of_a_decision_are_found_by_get_and_in():
    answer = ChatLightRouter(scripted(a="4")).invoke("How many?")
    record = decision_of(answer)
    assert "late" in record
    with pytest.warns(DeprecationWarning, match="'late' of a decision record"):
        assert record.get("late") is False
    assert record.get("nothing") is None


class OldMemory:
    async def score(self, query):
        return dict.fromkeys(query.pool.names, 1.0)

    async def observe(self, decision):
        return None


def test_a_memory_with_another_signature_is_refused_when_it_is_given():
    with pytest.raises(SelectionError, match=r"OldMemory.observe must be callable as observe\(query, decision\)"):
        create_lightrouter(scripted(a="4"), memory=OldMemory())


async def test_the_reason_for_the_stop_is_not_the_time_that_merging_took():
    class Late:
        async def merge(self, query, answers):
            await asyncio.Event().wait()

    pool = scripted(a="one fox", b=Reply("two cats"), c="three dogs")
    answer = await run(pool, aggregator=Late(), deadline_s=0.5)
    assert decision(answer)["stopped"] != "deadline"
    assert decision(answer)["deadline_exceeded"]
