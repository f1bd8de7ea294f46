"""One model under several names is one opinion: in the stop rule, the vote, the agreement and the plan."""

import pytest
from helpers import calls, decision, long, run

from lightrouter_graph import Candidate, Context, Pool
from lightrouter_graph.testing import ScriptedChatModel

VOTE = Context(aggregator="vote")


def named(*rows, samples=1):
    """Build a pool of (candidate, model name, reply)."""
    return Pool(
        [
            Candidate(name, ScriptedChatModel(responses=reply, name=model, then="repeat_last"), samples=samples)
            for name, model, reply in rows
        ]
    )


TWINS = [("x", "meta-llama/Llama-3.1-8B-Instruct", "It is 7."), ("y", "llama-3.1-8b-instruct:free", "It is 7.")]
OTHERS = [(name, f"model-{name}", "It is 9.") for name in "abc"]


@pytest.mark.parametrize("settings", [{}, {"width": None}, {"agree": None, "width": None, "top_k": 5}, {"agree": 3}])
async def test_two_names_of_one_model_do_not_outvote_the_others(settings):
    message = await run(named(*TWINS, *OTHERS), Context(aggregator="vote", **settings))
    assert message.text == "It is 9."


async def test_they_do_not_agree_with_each_other():
    pool = named(*TWINS, OTHERS[0])
    message = await run(pool, VOTE)
    record = decision(message)
    assert record["agreement"]["agreed"] == 1
    assert record["stopped"] == "no_more_candidates"
    assert record["shared_opinions"] == ["counted as one opinion: x, y (same model)"]


async def test_the_second_name_is_not_queried_while_the_first_answers():
    pool = named(*TWINS, *OTHERS)
    assert (await run(pool, VOTE)).text == "It is 9."
    assert calls(pool)["y"] == 0


async def test_it_replaces_the_first_that_failed():
    pool = named(("x", "m-1", TimeoutError()), ("y", "m-1", "It is 9."), OTHERS[0])
    message = await run(pool, VOTE)
    assert (message.text, decision(message)["stopped"]) == ("It is 9.", "agreement")
    assert calls(pool)["y"] == 1


async def test_all_names_are_one_model():
    pool = named(*TWINS)
    message = await run(pool, VOTE)
    assert message.text == "It is 7."
    assert calls(pool) == {"x": 1, "y": 0}


async def test_each_sample_is_an_opinion():
    pool = named(("x", "m-1", ["It is 7.", "It is 7."]), OTHERS[0], samples=2)
    message = await run(pool, VOTE)
    assert (message.text, decision(message)["stopped"]) == ("It is 7.", "boots_agree")
    assert decision(message)["agreement"]["agreed"] == 2
    assert decision(message)["shared_opinions"] == []


class Reporting(ScriptedChatModel):
    """Reports other names than its own."""

    reported: dict[str, str]

    def _result(self, *args):
        result = super()._result(*args)
        result.generations[0].message.response_metadata |= self.reported
        return result


@pytest.mark.parametrize(
    ("reported", "answer"),
    [
        ({"model_name": "m-1", "system_fingerprint": "fp_1"}, "It is 9."),
        ({"id": "chatcmpl-0f9a31c2d4e5b6a7"}, "It is 9."),
        ({"system_fingerprint": "fp_1"}, "It is 7."),
        ({"model_name": "m-1"}, "It is 7."),
    ],
)
@pytest.mark.parametrize("text", ["It is 7.", long("7")], ids=["boots", "answers"])
async def test_an_alias_is_found_by_its_replies(reported, answer, text):
    aliases = [Candidate(n, Reporting(responses=text, name=n, reported=reported)) for n in ("fast", "cheap")]
    others = [(name, model, text.replace("7", "9")) for name, model, _ in OTHERS[:2]]
    message = await run(Pool([*aliases, *named(*others)]), Context(aggregator="vote", boot_tokens=12, top_k=4))
    assert message.text[-2:] == answer[-2:]
    assert bool(decision(message)["shared_opinions"]) == (answer == "It is 9.")


@pytest.mark.parametrize("aggregator", ["vote", "auto"])
async def test_full_answers_count_opinions_too(aggregator):
    pool = named(*[(n, m, long("7")) for n, m, _ in TWINS], *[(n, m, long("9")) for n, m, _ in OTHERS])
    message = await run(pool, Context(aggregator=aggregator, boot_tokens=8, top_k=5))
    assert message.text.endswith("9.")
    assert decision(message)["agreement"]["groups"] == {"7": ["x"], "9": ["a", "b"]}
