"""Settings: what is allowed, how a mistake is told, and how a run's settings meet those of the graph."""

from dataclasses import dataclass

import pytest

from lightrouter_graph import Context, ContextError

NODES = {"open", "boot", "select", "generate", "tally", "aggregate"}


@pytest.mark.parametrize(
    ("setting", "told"),
    [
        ({"boot_tokens": 0}, "boot_tokens = 0: input should be greater than or equal to 1"),
        ({"boot_tokens": 4001}, "boot_tokens = 4001: input should be less than or equal to 4000"),
        ({"width": 0}, "width = 0: input should be greater than or equal to 1"),
        ({"top_k": 0}, "top_k = 0: input should be greater than or equal to 1"),
        ({"agree": 1}, "agree = 1: input should be greater than or equal to 2"),
        ({"layers": 9}, "layers = 9: input should be less than or equal to 8"),
        ({"max_tokens": 0}, "max_tokens = 0: input should be greater than or equal to 1"),
        ({"boot_timeout_s": 0}, "boot_timeout_s = 0: input should be greater than 0"),
        ({"timeout_s": -1}, "timeout_s = -1: input should be greater than 0"),
        ({"deadline_s": 0}, "deadline_s = 0: input should be greater than 0"),
        ({"seed": -1}, "seed = -1: input should be greater than or equal to 0"),
        ({"conditioning": "mine"}, "conditioning = 'mine': input should be 'own' or 'shared'"),
        ({"continuation": "never"}, "continuation = 'never': input should be 'auto' or 'regenerate'"),
        ({"top_k": "many"}, "top_k = 'many': input should be a valid integer"),
    ],
)
def test_a_wrong_value_is_named_with_what_is_allowed(setting, told):
    with pytest.raises(ContextError) as caught:
        Context(**setting)
    assert str(caught.value).startswith(told)
    assert "\n" not in str(caught.value)


def test_a_choice_that_does_not_exist_is_answered_with_those_that_do():
    with pytest.raises(ContextError, match=r"selector = 'judge'.*'consistency', 'llm', 'hybrid' or 'random'"):
        Context(selector="judge")


def test_an_unknown_setting_is_answered_with_the_known_ones():
    with pytest.raises(ContextError, match=r"'topk' \(did you mean 'top_k'\?\); known are boot_tokens, width, top_k"):
        Context(topk=2)


def test_several_mistakes_are_told_at_once_in_one_line():
    with pytest.raises(ContextError, match=r"^top_k = 0: .*; layers = 0: [^\n]*$"):
        Context(top_k=0, layers=0)


def test_an_agreement_that_no_run_can_reach_is_refused():
    with pytest.raises(ContextError, match="agree = 3 can never be reached with top_k = 2: agree must be <= top_k"):
        Context(top_k=2, agree=3)


def test_a_smaller_top_k_alone_lowers_the_agreement_with_it():
    assert Context(top_k=1).agree is None
    assert Context(top_k=2).agree == 2


def test_settings_do_not_change():
    with pytest.raises(ValueError, match="frozen"):
        Context().top_k = 3


def test_the_papers_setting():
    paper = Context.paper()
    assert (paper.boot_tokens, paper.width, paper.top_k, paper.agree, paper.layers) == (200, None, 2, None, 2)
    assert (paper.conditioning, paper.selector, paper.aggregator) == ("shared", "llm", "llm")


def test_the_papers_setting_can_be_varied_for_an_ablation():
    assert Context.paper(top_k=3, boot_tokens=400) == Context.paper().model_copy(
        update={"top_k": 3, "boot_tokens": 400}
    )
    with pytest.raises(ContextError, match="layers = 0"):
        Context.paper(layers=0)


# what a run brings along -----------------------------------------------------------------------------------

BOUND = Context(top_k=3, boot_tokens=50)


@dataclass
class Parent:
    """A parent graph's own context."""

    model: str = "gpt"
    top_k: int = 99


@dataclass
class Hospitable:
    """A parent graph's own context that carries settings for us."""

    lightrouter: object
    top_k: int = 99


@pytest.mark.parametrize(
    "foreign",
    [None, {}, {"user_id": "u1"}, Parent(), "text", Hospitable(None), {"lightrouter": None}, {"lightrouter": {}}],
)
def test_what_is_not_meant_for_us_changes_nothing(foreign):
    assert BOUND.overlaid(foreign) == BOUND


@pytest.mark.parametrize(
    "given",
    [
        Context(top_k=4),
        {"top_k": 4},
        {"lightrouter": {"top_k": 4}},
        {"lightrouter": Context(top_k=4), "user_id": "u1"},
        Hospitable({"top_k": 4}),
        Hospitable(Context(top_k=4)),
    ],
)
def test_what_a_run_sets_is_laid_over_and_the_rest_stays(given):
    assert BOUND.overlaid(given) == Context(top_k=4, boot_tokens=50)


def test_a_setting_given_at_its_default_still_counts():
    assert BOUND.overlaid(Context(boot_tokens=200)).boot_tokens == 200


def test_none_given_on_purpose_counts():
    assert BOUND.overlaid({"agree": None}).agree is None


@pytest.mark.parametrize("given", [{"top_k": 0}, {"lightrouter": {"top_k": 0}}, Hospitable({"top_k": 0})])
def test_a_wrong_value_of_a_run_is_told_like_any_other(given):
    with pytest.raises(ContextError, match="top_k = 0: input should be greater"):
        BOUND.overlaid(given)


def test_a_run_may_not_make_the_settings_contradict_each_other():
    with pytest.raises(ContextError, match="agree = 3 can never be reached with top_k = 2"):
        BOUND.overlaid({"top_k": 2, "agree": 3})
    with pytest.raises(ContextError, match="agree = 4 can never be reached with top_k = 3"):
        BOUND.overlaid({"agree": 4})


def test_a_run_that_only_lowers_top_k_lowers_the_agreement_with_it():
    assert BOUND.overlaid({"top_k": 1}).agree is None
    assert Context(top_k=5, agree=4).overlaid({"top_k": 3}).agree == 3
    assert Context.paper().overlaid({"top_k": 3}).agree is None


@pytest.mark.parametrize("given", [{"lightrouter": 3}, Hospitable("top_k=4")])
def test_something_else_under_our_name_is_refused(given):
    with pytest.raises(ContextError, match=r"context\.lightrouter must be a Context or a dict of its fields, got"):
        BOUND.overlaid(given)


# what Studio draws -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "field"), Context.model_json_schema()["properties"].items())
def test_every_setting_is_described_and_belongs_to_a_node(name, field):
    assert field["description"].endswith(".")
    assert set(field["langgraph_nodes"]) <= NODES
    assert field["langgraph_nodes"]
    assert "default" in field


def test_the_settings_panel_knows_ranges_and_choices():
    fields = Context.model_json_schema()["properties"]
    assert (fields["boot_tokens"]["minimum"], fields["boot_tokens"]["maximum"]) == (1, 4000)
    assert fields["aggregator"]["enum"] == ["default", "auto", "llm", "vote", "best"]
    assert {"type": "null"} in fields["width"]["anyOf"]
