"""Settings: what is allowed, how a mistake is told, and how a run's settings meet those of the graph."""

import json
from dataclasses import dataclass

import pytest

from lightrouter_graph import Budget, Calls, Context, ContextError
from lightrouter_graph.context import context_schema

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
        ({"calls": {"boot_timeout_s": 0}}, "calls.boot_timeout_s = 0: input should be greater than 0"),
        ({"calls": {"timeout_s": -1}}, "calls.timeout_s = -1: input should be greater than 0"),
        ({"deadline_s": 0}, "deadline_s = 0: input should be greater than 0"),
        ({"seed": -1}, "seed = -1: input should be greater than or equal to 0"),
        ({"conditioning": "mine"}, "conditioning = 'mine': input should be 'own' or 'shared'"),
        ({"calls": {"continuation": "never"}}, "calls.continuation = 'never': input should be 'auto' or 'regenerate'"),
        ({"top_k": "many"}, "top_k = 'many': input should be a valid integer"),
    ],
)
def test_a_wrong_value_is_named_with_what_is_allowed(setting, told):
    with pytest.raises(ContextError) as caught:
        Context(**setting)
    assert str(caught.value).startswith(told)
    assert "\n" not in str(caught.value)


def test_a_part_that_the_graph_lacks_is_answered_with_those_it_has():
    with pytest.raises(ContextError, match=r"selector = 'judge': this graph has 'default', 'llm'; pass others as"):
        Context(selector="judge").check_names(["default", "llm"], ["default"])
    with pytest.raises(ContextError, match=r"aggregator = 'votes' \(did you mean 'vote'\?\)"):
        Context(aggregator="votes").check_names(["default"], ["default", "vote"])


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
    mine = context_schema(["default", "llm", "mine"], ["default", "vote"]).model_json_schema()["properties"]
    assert (mine["selector"]["enum"], mine["aggregator"]["enum"]) == (["default", "llm", "mine"], ["default", "vote"])
    assert mine.keys() == fields.keys()
    assert {"type": "null"} in fields["width"]["anyOf"]


@pytest.mark.parametrize("group", [Calls, Budget])
@pytest.mark.parametrize("field", ["description"])
def test_every_field_of_a_group_is_described(group, field):
    assert all(field in shape for shape in group.model_json_schema()["properties"].values())


def test_there_are_few_settings():
    assert len(Context.model_fields) <= 16


# groups and old names --------------------------------------------------------------------------------------


def test_groups_are_merged_field_by_field():
    bound = Context(calls={"timeout_s": 5, "max_retries": 1}, prompts={"selector": "Judge."})
    merged = bound.overlaid({"calls": {"max_retries": 3}, "prompts": {"aggregator": "Merge."}})
    assert (merged.calls.timeout_s, merged.calls.max_retries) == (5, 3)
    assert (merged.prompts.selector, merged.prompts.aggregator) == ("Judge.", "Merge.")
    assert bound.overlaid(Context(calls=Calls(max_retries=0))).calls == Calls(timeout_s=5, max_retries=0)


@pytest.mark.parametrize(
    ("old", "value", "new"),
    [
        ("timeout_s", 5.0, Context(calls={"timeout_s": 5.0})),
        ("max_retries", 0, Context(calls={"max_retries": 0})),
        ("continuation", "regenerate", Context(calls={"continuation": "regenerate"})),
        ("selector_prompt", "Judge.", Context(prompts={"selector": "Judge."})),
        ("aggregator", "best", Context(aggregator="top_ranked")),
    ],
)
def test_names_and_values_of_version_0_1_work_with_a_warning(old, value, new):
    with pytest.warns(DeprecationWarning, match="is deprecated, write"):
        assert Context(**{old: value}) == new
    with pytest.warns(DeprecationWarning, match="is deprecated, write"):
        assert Context().overlaid({old: value}) == new
    if old != "aggregator":
        with pytest.warns(DeprecationWarning, match=f"Context.{old} is deprecated, write Context"):
            assert getattr(new, old) == value


def test_a_warning_points_at_the_users_line():
    with pytest.warns(DeprecationWarning, match="timeout_s") as caught:
        Context(timeout_s=5.0)
    assert caught[0].filename == __file__


def test_a_wrong_name_in_a_group_is_answered_with_the_known_ones():
    with pytest.raises(ContextError, match=r"unknown setting 'timeout' of Calls \(did you mean 'timeout_s'\?\)"):
        Context(calls={"timeout": 3})
    with pytest.raises(ContextError, match=r"unknown limit 'dollars' of Budget; known are usd, tokens, calls, seconds"):
        Context(budget={"dollars": 3})


def test_settings_come_back_from_their_record():
    settings = Context(top_k=3, budget={"usd": 0.5}, calls={"timeout_s": 5}, prompts={"selector": "Judge."})
    record = settings.record()
    assert json.loads(json.dumps(record)) == record
    assert Context.restore(record) == settings
    assert "aggregator" not in record["prompts"]
