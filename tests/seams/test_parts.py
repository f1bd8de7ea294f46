"""Parts as objects, names and mappings: Studio offers the names, and unknown names are refused with a suggestion."""

import pytest
from helpers import QUESTION, calls, decision, long, run, scripted

from lightrouter_graph import (
    ConsistencySelector,
    Context,
    ContextError,
    SelectionError,
    TopRankedAggregator,
    create_lightrouter,
)

ASKED = {"messages": [("user", QUESTION)]}
BUILT_IN = {"default", "consistency", "llm", "hybrid", "random"}
OWN = {"selector": {"mine": ConsistencySelector()}, "aggregator": {"ours": TopRankedAggregator()}}


def three(**others):
    return scripted(a=long("1"), b=long("2"), c=long("3"), **others)


def offered(**parts):
    """Return the names of selectors and aggregators that the settings panel of Studio offers."""
    schema = create_lightrouter(three(), **parts).compile().get_context_jsonschema()
    return [set(schema["properties"][seam]["enum"]) for seam in ("selector", "aggregator")]


def test_studio_offers_exactly_the_names_of_the_graph():
    aggregators = {"default", "auto", "llm", "vote", "top_ranked"}
    assert offered() == [BUILT_IN, aggregators]
    assert offered(**OWN) == [BUILT_IN | {"mine"}, aggregators | {"ours"}]


async def test_a_run_chooses_a_part_of_a_mapping_by_name():
    settings = Context(boot_tokens=5, top_k=2, agree=None, selector="mine", aggregator="ours")
    answer = await run(three(), settings, **OWN)
    assert decision(answer)["settings"]["selector"] == "mine"
    assert (decision(answer)["selector"], decision(answer)["merged"]) == ("consistency", "top_ranked")


async def test_the_first_of_a_mapping_is_the_default():
    answer = await run(three(), Context(boot_tokens=5, top_k=2, agree=None), **OWN)
    assert (decision(answer)["selector"], decision(answer)["merged"]) == ("consistency", "top_ranked")


@pytest.mark.parametrize(
    ("parts", "error", "suggestion"),
    [
        ({"selector": "hybird"}, SelectionError, "unknown selector 'hybird' (did you mean 'hybrid'?)"),
        ({"aggregator": "votes"}, SelectionError, "unknown aggregator 'votes' (did you mean 'vote'?)"),
        ({"prior": "orders"}, SelectionError, "unknown prior 'orders' (did you mean 'order'?)"),
        ({"stop": "agreemnt"}, SelectionError, "unknown stop 'agreemnt' (did you mean 'agreement'?)"),
        ({"equivalence": "keys"}, SelectionError, "unknown equivalence 'keys' (did you mean 'key'?)"),
        ({"context": Context(selector="min"), **OWN}, ContextError, "selector = 'min' (did you mean 'mine'?)"),
        ({"topk": 2}, ContextError, "unknown setting 'topk' (did you mean 'top_k'?)"),
        ({"selectr": "llm"}, ContextError, "unknown setting 'selectr' (did you mean 'selector'?)"),
        ({"prior": {"order": "order"}}, SelectionError, "prior takes one object or name, not a mapping"),
        ({"selector": ConsistencySelector}, SelectionError, "pass an instance, not the class"),
    ],
)
def test_a_mistake_at_build_time_is_an_error_with_a_suggestion(parts, error, suggestion):
    with pytest.raises(error) as caught:
        create_lightrouter(three(), **parts)
    assert suggestion in str(caught.value)


@pytest.mark.parametrize(("name", "closest"), [("selector", "mine"), ("aggregator", "ours")])
async def test_an_unknown_name_at_run_time_is_refused_before_any_call(name, closest):
    pool = three()
    with pytest.raises(ContextError, match=rf"{name} = '{closest}x' \(did you mean '{closest}'\?\)"):
        await run(pool, Context(**{name: f"{closest}x"}), **OWN)
    assert calls(pool) == {"a": 0, "b": 0, "c": 0}


class SameDay:
    """Equivalence: two spellings of one day are equal."""

    def __init__(self, problem=None):
        self.problem = problem

    async def group(self, query, answers):
        if self.problem is not None:
            raise self.problem
        spellings = {"1 May": "5/1", "May 1": "5/1"}
        groups = {}
        for answer in answers:
            found = next((day for text, day in spellings.items() if text in answer["text"]), answer["text"])
            groups.setdefault(found, []).append(answer["candidate"])
        return list(groups.values())


def by_text(text, question="", *, finished=True):
    return text.split()[-2] + text.split()[-1]


DAYS = {"a": "It was on 1 May", "b": "It was on May 1", "c": "It was on 7 July", "d": "It was on 8 July"}


async def test_an_own_equivalence_stops_the_run_early():
    pool = scripted(**{name: f"{'So ' * 20}{text}" for name, text in DAYS.items()})
    settings = Context(boot_tokens=5, width=2, top_k=4)
    answer = await run(pool, settings, key=by_text, equivalence=SameDay())
    assert calls(pool) == {"a": 2, "b": 2, "c": 0, "d": 0}
    assert decision(answer)["stopped"] == "agreement"
    assert decision(answer)["agreement"]["agreed"] == 2
    assert decision(await run(pool, settings, key=by_text))["agreement"]["answered"] == 4


async def test_an_own_equivalence_of_finished_boots_saves_every_further_call():
    pool = scripted(**DAYS)
    answer = await run(pool, Context(width=2, top_k=4), key=by_text, equivalence=SameDay())
    assert calls(pool) == {"a": 1, "b": 1, "c": 0, "d": 0}
    assert decision(answer)["stopped"] == "agreement"


async def test_keys_replace_an_equivalence_whose_service_fails(caplog):
    pool = scripted(**DAYS)
    answer = await run(pool, Context(width=2, top_k=4), key=by_text, equivalence=SameDay(OSError("no route")))
    assert decision(answer)["agreement"]["answered"] == 4
    assert "SameDay.group failed, keys are compared: OSError: no route" in caplog.text
