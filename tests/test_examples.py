"""Every example runs and shows what it says it shows; so does every example in a docstring."""

import ast
import doctest
import importlib.util
import json
import os
import pkgutil
import sys
from pathlib import Path

import pytest

import lightrouter_graph
from lightrouter_graph.testing import RecordedModelServer, VirtualClock

EXAMPLES = Path(__file__).parents[1] / "examples"
MODULES = [
    found.name
    for found in pkgutil.walk_packages(lightrouter_graph.__path__, "lightrouter_graph.")
    if ">>>" in Path(importlib.util.find_spec(found.name).origin or "").read_text()
]


def load(name):
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


def shown_by(name, capsys):
    """Run an example and return the lines it prints."""
    load(name).main()
    return capsys.readouterr().out.splitlines()


def test_no_example_is_left_out():
    tested = {
        "agent",
        "custom_parts",
        "custom_selector",
        "demo",
        "live_events",
        "measure_your_own",
        "middleware",
        "multi_turn",
        "openai_client",
        "outside_evaluators",
        "quickstart",
        "resilience",
        "structured_output",
        "subgraph",
    }
    assert {path.stem for path in EXAMPLES.glob("*.py")} == tested


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.py")), ids=lambda path: path.stem)
def test_an_example_says_what_it_shows_and_how_to_run_it(path):
    told = ast.get_docstring(ast.parse(path.read_text()))
    assert f"python examples/{path.name}" in told
    if "POOL = " in path.read_text():
        assert "No key is needed" in told


def test_the_demo_races_real_models_drops_wrong_ones_and_merges(capsys):
    assert load("demo").main([]) == 0
    printed = capsys.readouterr()
    easy, hard = printed.out.split("2. Ana has 3 boxes", 1)
    assert "The answer is 85." in easy
    assert hard.count("The answer is 39.") == 1  # the merged answer; the vote may differ
    assert "dropped   rank" in hard
    assert "parameters" in hard
    assert printed.err.count("bill:") == 2


def test_quickstart(tmp_path, capsys, monkeypatch):
    demo = EXAMPLES / "data" / "demo.jsonl"
    question = json.loads(demo.read_text().splitlines()[1])["question"]
    with RecordedModelServer(demo) as server:
        rows = [f'[[candidate]]\nname = "{n}"\nmodel = "vllm:{n}@{server.base_url}"' for n in ("oak", "elm", "fir")]
        (tmp_path / "lightrouter.toml").write_text("\n".join(rows))
        monkeypatch.chdir(tmp_path)
        load("quickstart").main([question])
    printed = capsys.readouterr().out
    assert "The answer is 160." in printed
    assert "price unknown" in printed


def test_subgraph_lets_the_parents_context_decide_how_many_models_are_paid(capsys):
    _, small, large = "\n".join(shown_by("subgraph", capsys)).split("As a ")
    assert "model calls: 1;" in small
    assert "elm  not needed" in small
    assert "The answer is 62.80 EUR." in small
    assert "model calls: 3;" in large
    assert "The answer is 64.80 EUR." in large
    assert small.count("| Ada") == large.count("| Ada") == 1


def test_agent_outvotes_the_wrong_call_before_any_tool_runs(capsys):
    lines = shown_by("agent", capsys)
    assert "  oak  refund(euros=20, order='A-17')" in lines
    assert "> elm  look_up(order='A-17')" in lines
    assert "  elm  refund(euros=125, order='A-17')" in lines
    assert "Tools that ran: look_up('A-17'), refund('A-17', 12.5)" in lines
    assert sum(line.startswith(">") for line in lines) == sum(line.startswith("Step") for line in lines) == 3


def test_structured_output_drops_what_does_not_fit_and_votes_on_the_rest(capsys):
    clear, smudged = "\n".join(shown_by("structured_output", capsys)).split("\n\n")
    assert "oak     invalid: total: 'see page 2' is not of type 'number'" in clear
    assert "result  R-2071  418.5  2026-03-01  (agreement" in clear
    assert "result  R-2071  4185.0  2026-03-01  (vote:" in smudged


def test_multi_turn_remembers_pauses_and_pays_for_no_boot_twice(capsys):
    multi_turn = load("multi_turn")
    multi_turn.main()
    first, pause, second = capsys.readouterr().out.strip().split("\n\n")
    assert "A: The answer is 30 miles." in first
    assert pause.startswith("Paused.")
    assert "The answer is" not in pause
    assert "6 calls in this turn, 2 messages before it" in second
    assert "The answer is 20 miles." in second
    assert sum(len(candidate.model.calls) for candidate in multi_turn.POOL) == 3 + 6


async def test_live_events_tell_the_race_and_stream_the_answer_alone(capsys):
    live_events, clock = load("live_events"), VirtualClock()
    for candidate in live_events.POOL:
        candidate.model.clock = clock
    await live_events.main()
    story, answer, bill = capsys.readouterr().out.strip().split("\n\n")
    assert [line.split()[0] for line in story.splitlines()] == [
        "asking",
        *["boot"] * 3,
        "ranked",
        "dropped",
        *["answered"] * 2,
        "merging",
    ]
    assert [line.split()[1] for line in story.splitlines()[1:4]] == ["fir", "elm", "oak"]
    assert "dropped    fir: rank 3, below top_k = 2" in story
    assert answer == live_events.MERGED
    assert bill.startswith("bill       6 calls")


def test_custom_selector_drops_what_quotes_nothing_and_saves_its_tokens(capsys):
    answer, oak, elm, fir, tokens = shown_by("custom_selector", capsys)
    assert answer.startswith("Keep it dry [1] and below 40 degrees [2].")
    assert "dropped   left out by the selector" in oak
    assert "dropped   rank 2" in elm
    assert "answered  2 sources" in fir
    written, in_full = (int(word) for word in tokens.split() if word.isdigit())
    assert written < in_full


def test_the_selector_of_the_example_is_as_short_as_it_says():
    tree = ast.parse((EXAMPLES / "custom_selector.py").read_text())
    (selector,) = (node for node in tree.body if isinstance(node, ast.ClassDef))
    assert selector.end_lineno - selector.lineno + 1 <= 15


def test_custom_parts_decide_who_is_asked_what_is_equal_and_what_is_sent(capsys):
    answer, *candidates = shown_by("custom_parts", capsys)
    assert answer.startswith("Ticket #2071.  (shortest of most:")
    assert [line.split() for line in candidates] == [
        ["lamps", "prior", "1.0", "says", "#2071"],
        ["hasty", "prior", "0.6", "says", "#1999"],
        ["chatty", "prior", "0.6", "says", "#2071"],
    ]


def test_openai_client_gets_an_answer_a_decision_a_stream_and_a_call(capsys):
    lines = shown_by("openai_client", capsys)
    assert "lightrouter, lightrouter-paper, oak, elm, fir" in lines[0]
    assert "An answer: 340 + 51. The answer is 391.  (the finished boots agree)" in lines
    assert "  oak says 381" in lines
    assert "A stream of elm alone: 340| +| 51|.| The| answer| is| 391|." in lines
    assert 'A tool call: weather({"city": "Bonn"})' in lines


def test_middleware_routes_some_calls_and_falls_back(capsys, caplog):
    lines = [line.split("  by ") for line in shown_by("middleware", capsys)]
    routed, own = "LightRouter, 2 of 3 models", "the agent's own model"
    assert [line[1] for line in lines if len(line) == 2] == [routed, own, own, own]
    assert caplog.text.count("the agent's own model answers: no candidate could answer") == 1


def test_resilience_answers_on_a_bad_day_in_time_and_in_budget(capsys):
    lines = shown_by("resilience", capsys)
    fates = {words[0]: words[1:] for line in lines if (words := line.split())}
    assert lines[0].endswith("The answer is 5.")
    assert fates["down"][:2] == ["failed", "unavailable:"]
    assert fates["talker"][0] == "dropped"
    assert fates["stuck"][:2] == ["failed", "slow_after_quorum:"]
    assert fates["steady"] == fates["second"] == ["answered"]
    assert fates["spare"] == ["not", "needed"]
    assert "budget: 5 candidates boot instead of 6, without spare" in lines
    assert any(line.startswith("late: False; complete: True; ") for line in lines)
    assert float(fates["bill:"][2]) < 0.013
    assert float(fates["after"][0]) < 5
    assert "no answer: the budget is too small for any answer: " in "\n".join(lines)
    assert lines[-1] == "requests sent: 0"


def test_a_policy_of_ones_own_stands_in_the_table_beside_the_baselines(capsys):
    results = load("measure_your_own").main(24)
    mine = [result for result in results if result["method"] == "mine"]
    assert len(mine) == 24
    assert all(result["score"] in {0.0, 1.0} and len(result["spent"]) >= 5 for result in mine)
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if "mine: the longest boots go on" in line]
    assert [line for line in lines if "oracle's pick of all" in line]


@pytest.mark.parametrize("name", MODULES)
def test_docstring_examples(name):
    result = doctest.testmod(importlib.import_module(name), optionflags=doctest.ELLIPSIS)
    assert not result.failed


def test_the_examples_folder_needs_no_key():
    assert not [name for name in os.environ if name.endswith("_API_KEY")]
