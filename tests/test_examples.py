"""Every example, and every example in a docstring, runs and prints what it documents."""

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


def lines_of(name, capsys):
    """Run an example and return the lines it prints."""
    load(name).main()
    return capsys.readouterr().out.splitlines()


def test_no_example_is_left_out():
    tested = {
        "agent",
        "custom_parts",
        "demo",
        "extensions",
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
def test_an_example_documents_itself_and_how_to_run_it(path):
    docstring = ast.get_docstring(ast.parse(path.read_text()))
    assert f"python examples/{path.name}" in docstring
    if "POOL = " in path.read_text():
        assert "No key is needed" in docstring


def test_the_demo_boots_real_models_drops_some_and_merges(capsys):
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


def test_subgraph_takes_the_number_of_models_from_the_context_of_the_parent(capsys):
    _, small, large = "\n".join(lines_of("subgraph", capsys)).split("As a ")
    assert "model calls: 1;" in small
    assert "elm  not_needed" in small
    assert "The answer is 62.80 EUR." in small
    assert "model calls: 3;" in large
    assert "The answer is 64.80 EUR." in large
    assert small.count("| Ada") == large.count("| Ada") == 1


def test_agent_outvotes_the_wrong_call_before_any_tool_runs(capsys):
    lines = lines_of("agent", capsys)
    assert "  oak  refund(euros=20, order='A-17')" in lines
    assert "> elm  look_up(order='A-17')" in lines
    assert "  elm  refund(euros=125, order='A-17')" in lines
    assert "Tools that ran: look_up('A-17'), refund('A-17', 12.5)" in lines
    assert sum(line.startswith(">") for line in lines) == sum(line.startswith("Step") for line in lines) == 3


def test_structured_output_drops_invalid_objects_and_votes_on_the_rest(capsys):
    clear, smudged = "\n".join(lines_of("structured_output", capsys)).split("\n\n")
    assert "oak     invalid: total: 'see page 2' is not of type 'number'" in clear
    assert "result  R-2071  418.5  2026-03-01  (agreement" in clear
    assert "result  R-2071  4185.0  2026-03-01  (vote:" in smudged


def test_multi_turn_keeps_the_thread_pauses_and_pays_for_no_boot_twice(capsys):
    multi_turn = load("multi_turn")
    multi_turn.main()
    first, pause, second = capsys.readouterr().out.strip().split("\n\n")
    assert "A: The answer is 30 miles." in first
    assert pause.startswith("Paused.")
    assert "The answer is" not in pause
    assert "6 calls in this turn, 2 messages before it" in second
    assert "The answer is 20 miles." in second
    assert sum(len(candidate.model.calls) for candidate in multi_turn.POOL) == 3 + 6


async def test_live_events_stream_events_and_the_tokens_of_the_answer_only(capsys):
    live_events, clock = load("live_events"), VirtualClock()
    for candidate in live_events.POOL:
        candidate.model.clock = clock
    await live_events.main()
    log, answer, bill = capsys.readouterr().out.strip().split("\n\n")
    assert [line.split()[0] for line in log.splitlines()] == [
        "queried",
        *["boot"] * 3,
        "ranked",
        "dropped",
        *["answered"] * 2,
        "merging",
    ]
    assert [line.split()[1] for line in log.splitlines()[1:4]] == ["fir", "elm", "oak"]
    assert "dropped    fir: rank 3, below top_k = 2" in log
    assert answer == live_events.MERGED
    assert bill.startswith("bill       6 calls")


async def test_extensions_select_merge_learn_and_stop(capsys):
    await load("extensions").main()
    by_model, by_logprobs, merged, first, second, stopped = capsys.readouterr().out.strip().split("\n\n")
    assert "5 calls" in by_model  # three boots, the judge, one full answer
    assert "elm  prior 0.75  rank 1  score 1.00  answered" in by_model
    assert "fir  prior 0.50  rank 1  score 0.90  answered" in by_logprobs
    assert merged.splitlines()[0].endswith("It| takes| 85| minutes|,| by| two| of| three| answers|.")
    assert [line.split()[:3] for line in first.splitlines()[2:]] == [
        [n, "prior", "1.00"] for n in ("oak", "elm", "fir")
    ]
    assert [line.split()[0] for line in second.splitlines()[2:]] == ["elm", "fir", "oak"]
    assert "oak  prior 0.50" in second
    assert "stopped: equal answers reached a prior weight of 1.2" in stopped


def test_each_extension_has_at_most_20_lines():
    tree = ast.parse((EXAMPLES / "extensions.py").read_text())
    parts = {node.name: node.end_lineno - node.lineno + 1 for node in tree.body if isinstance(node, ast.ClassDef)}
    assert len(parts) == 5
    assert max(parts.values()) <= 20


def test_custom_parts_set_the_prior_the_key_and_the_answer(capsys):
    answer, *candidates = lines_of("custom_parts", capsys)
    assert answer.startswith("Ticket #2071.  (shortest:")
    assert [line.split() for line in candidates] == [
        ["lamps", "prior", "1.0", "key", "#2071"],
        ["hasty", "prior", "0.6", "key", "#1999"],
        ["chatty", "prior", "0.6", "key", "#2071"],
    ]


def test_openai_client_receives_an_answer_a_decision_a_stream_and_a_tool_call(capsys):
    lines = lines_of("openai_client", capsys)
    assert "lightrouter, lightrouter-paper, oak, elm, fir" in lines[0]
    assert "An answer: 340 + 51. The answer is 391.  (the finished boots agree)" in lines
    assert "  oak answered 381" in lines
    assert "A stream of elm alone: 340| +| 51|.| The| answer| is| 391|." in lines
    assert 'A tool call: weather({"city": "Bonn"})' in lines


def test_middleware_routes_some_calls_and_falls_back(capsys, caplog):
    lines = [line.split("  by ") for line in lines_of("middleware", capsys)]
    routed, own = "LightRouter, 2 of 3 models", "the agent's own model"
    assert [line[1] for line in lines if len(line) == 2] == [routed, own, own, own]
    assert caplog.text.count("fallback to the agent's own model: no candidate could answer") == 1


def test_resilience_answers_despite_failures_within_deadline_and_budget(capsys):
    lines = lines_of("resilience", capsys)
    outcomes = {words[0]: words[1:] for line in lines if (words := line.split())}
    assert lines[0].endswith("The answer is 5.")
    assert outcomes["down"][:2] == ["failed", "unavailable:"]
    assert outcomes["talker"][0] == "dropped"
    assert outcomes["stuck"][:2] == ["failed", "slow_after_quorum:"]
    assert outcomes["steady"] == outcomes["second"] == ["answered"]
    assert outcomes["spare"] == ["not_needed"]
    assert "budget: 5 candidates boot instead of 6, without spare" in lines
    assert any(line.startswith("deadline exceeded: False; complete: True") for line in lines)
    assert float(outcomes["bill:"][2]) < 0.013
    assert float(outcomes["after"][0]) < 5
    assert "no answer: the budget is too small for any answer: " in "\n".join(lines)
    assert lines[-1] == "requests sent: 0"


def test_an_own_policy_is_in_the_table_with_the_baselines(capsys):
    results = load("measure_your_own").main(24)
    mine = [result for result in results if result["method"] == "mine"]
    assert len(mine) == 24
    assert all(result["score"] in {0.0, 1.0} and len(result["spent"]) >= 5 for result in mine)
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if "mine: the two longest boots" in line]
    assert [line for line in lines if "oracle's pick of all" in line]


@pytest.mark.parametrize("name", MODULES)
def test_docstring_examples(name):
    result = doctest.testmod(importlib.import_module(name), optionflags=doctest.ELLIPSIS)
    assert not result.failed


def test_the_examples_folder_needs_no_key():
    assert not [name for name in os.environ if name.endswith("_API_KEY")]
