"""`lightrouter ask` in a pipe: stdout, stderr and exit codes."""

import json
import re

import pytest
from cli.team import LONG, OPEN, PENS, TEXTS

from lightrouter_graph.cli import main
from lightrouter_graph.testing import Fail, Say, Timing

KEY = "corp-4711-very-long-and-secret"


def test_a_pipe_gets_the_answer_and_nothing_else(cli, pool_file):
    done = cli("ask", "--pool", pool_file, "-", stdin=PENS)
    assert done.returncode == 0
    assert done.stdout == TEXTS[PENS]["ada"] + "\n"
    lines = done.stderr.splitlines()
    assert lines[0] == "querying ada, bob, cyd (of 3)"
    assert any(re.match(r"boot of cyd: \d+ tokens, \d\.\d s, \$0\.0\d+ \| 36: 18", line) for line in lines)
    assert any(line.startswith("ranked by consistency+prior: ") for line in lines)
    assert "2 of 3 answers agree on 12 · stopped: 2 answers agree" in lines
    assert lines[-1].startswith("bill: 4 calls")


def test_quiet_prints_only_the_answer(capsys, pool_file):
    assert main(["ask", "--quiet", "--pool", str(pool_file), PENS]) == 0
    said = capsys.readouterr()
    assert said.out == TEXTS[PENS]["ada"] + "\n"
    assert said.err == ""


def test_line_breaks_of_an_answer_stay(capsys, pool_file):
    main(["ask", "-q", "--pool", str(pool_file), "--width", "1", "--top-k", "1", "--agree", "0", OPEN])
    assert capsys.readouterr().out == TEXTS[OPEN]["ada"] + "\n"


def test_json_is_one_object_with_the_record(capsys, pool_file):
    assert main(["ask", "--json", "--seed", "7", "--pool", str(pool_file), PENS]) == 0
    said = capsys.readouterr()
    told = json.loads(said.out)
    assert list(told) == ["answer", "usage", "decision"]
    assert told["answer"] == TEXTS[PENS]["ada"]
    assert told["decision"]["seed"] == 7
    assert told["usage"]["output_tokens"] == told["decision"]["bill"]["usage"]["output_tokens"]
    assert "querying ada" in said.err


def test_only_what_is_given_changes_the_settings(capsys, pool_file):
    main(["ask", "--json", "-q", "--pool", str(pool_file), "--agree", "0", "--width", "0", "--top-k", "1", PENS])
    settings = json.loads(capsys.readouterr().out)["decision"]["settings"]
    assert (settings["agree"], settings["width"], settings["top_k"]) == (None, None, 1)
    assert (settings["boot_tokens"], settings["layers"], settings["calls"]["boot_timeout_s"]) == (200, 1, 60.0)


def test_paper_settings_with_one_of_them_changed(capsys, pool_file):
    paper = ["ask", "--json", "-q", "--pool", str(pool_file), "--paper", "--layers", "1", "--selector", "consistency"]
    main([*paper, "--aggregator", "vote", "--timeout", "9", PENS])
    settings = json.loads(capsys.readouterr().out)["decision"]["settings"]
    assert (settings["top_k"], settings["agree"], settings["conditioning"]) == (2, None, "shared")
    assert (settings["layers"], settings["selector"], settings["aggregator"]) == (1, "consistency", "vote")
    assert (settings["calls"]["timeout_s"], settings["calls"]["boot_timeout_s"]) == (9, 9)


def test_a_system_message_reaches_every_model(server, pool_file):
    main(["ask", "-q", "--pool", str(pool_file), "--system", "Be brief.", PENS])
    firsts = [request.body["messages"][0] for request in server.requests]
    assert firsts
    assert all(first["role"] == "system" and first["content"] == "Be brief." for first in firsts)


def test_models_named_on_the_command_line(capsys, server):
    specs = [part for name in ("ada", "cyd") for part in ("-m", f"vllm:{name}@{server.base_url}")]
    assert main(["ask", "--json", *specs, PENS]) == 0
    candidates = json.loads(capsys.readouterr().out)["decision"]["candidates"]
    assert [candidate["candidate"] for candidate in candidates] == ["vllm:ada", "vllm:cyd"]


def test_the_default_pool_file_is_announced(capsys, pool_file, monkeypatch):
    pool_file.rename(pool_file.parent / "lightrouter.toml")
    monkeypatch.chdir(pool_file.parent)
    assert main(["ask", PENS]) == 0
    assert capsys.readouterr().err.startswith("3 models from ./lightrouter.toml\n")


def test_a_pool_from_the_environment_is_announced(capsys, server, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("VLLM_BASE_URL", server.base_url)
    assert main(["ask", PENS]) == 0
    assert capsys.readouterr().err.startswith("3 models from the environment\n")


@pytest.mark.parametrize(
    ("args", "complaint"),
    [
        (["ask", "--pool", "nowhere.toml", "hi"], "nowhere.toml: cannot be read (No such file or directory)"),
        (["ask", "--top-k", "0", "hi"], "--top-k = 0: input should be greater than or equal to 1"),
        (["ask", "--agree", "1", "hi"], "--agree = 1: input should be greater than or equal to 2"),
        (
            ["ask", "--selector", "randon", "hi"],
            "--selector = 'randon' (did you mean 'random'?): choose default, consistency",
        ),
        (["ask", "--timeout", "-1", "hi"], "lightrouter: --timeout = -1.0: input should be greater than 0\n"),
        (["ask", "--max-retries", "-1", "hi"], "--max-retries = -1: input should be greater than or equal to 0"),
        (["ask", "--boot-quorum", "-1", "hi"], "--boot-quorum = -1: input should be greater than or equal to 1"),
        (["ask", "--budget", "calls=2.5", "hi"], "--budget calls = '2.5': input should be a valid integer"),
        (["ask", "--budget", "usd=1;calls=2", "hi"], "--budget usd = '1;calls=2': input should be a valid number"),
        (["ask", "--budget", "usd=0", "hi"], "--budget usd = '0': input should be greater than 0\n"),
        (["ask", "-m", "gpt", "hi"], "model spec 'gpt' is not of the form provider:model"),
        (["ask", "-m", "openai:gpt-5.4-mini", "hi"], "needs an API key: set the environment variable OPENAI_API_KEY"),
        (["ask", "-m", "a:b", "--pool", "x.toml", "hi"], "--pool and --candidate exclude each other"),
        (["ask", "  "], "the question is empty"),
        (["ask", "one", "two"], "unexpected extra argument"),
        (["ask", "--nonsense", "hi"], "No such option: --nonsense"),
        (["sak"], "No such command 'sak'"),
    ],
)
def test_wrong_use_is_one_line_and_code_2(capsys, args, complaint):
    assert main(args) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("lightrouter: ")
    assert complaint in said.err
    assert said.err.count("\n") == 1


@pytest.mark.parametrize("limits", ["", "9", "usd", "usd=", "euro=1", "calls=9,", "usd=1,usd=2"])
def test_an_invalid_budget_is_an_error_that_names_the_limits(capsys, limits):
    assert main(["ask", "--budget", limits, "hi"]) == 2
    what = "write limits such as usd=0.01,calls=9, each of usd, tokens, calls, seconds at most once"
    assert capsys.readouterr().err == f"lightrouter: --budget = {limits!r}: {what}\n"


def test_limits_of_a_run(capsys, pool_file):
    limits = ["--budget", "usd=0.5, calls=9", "--budget", "tokens=50000"]
    others = ["--boot-quorum", "2", "--boot-grace", "0", "--max-retries", "0"]
    assert main(["ask", "--json", "-q", "--pool", str(pool_file), *limits, *others, PENS]) == 0
    settings = json.loads(capsys.readouterr().out)["decision"]["settings"]
    assert settings["budget"] == {"usd": 0.5, "tokens": 50000, "calls": 9, "seconds": None}
    calls = settings["calls"]
    assert (calls["boot_quorum"], calls["boot_grace_s"], calls["max_retries"]) == (2, 0, 0)


def test_budget_notes_and_caveats_are_printed_once(capsys, pool_file):
    limits = ["--budget", "calls=2", "--boot-tokens", "6", "--max-tokens", "6"]
    assert main(["ask", "--pool", str(pool_file), *limits, PENS]) == 0
    said = capsys.readouterr()
    assert said.out == "6 groups cost 6 * 2\n"
    first, note, *_, last = said.err.splitlines()
    assert first == "querying ada (of 3)"
    assert note.startswith("budget: ada alone answers; the requested run needs up to ")
    assert last == "incomplete: the answer is truncated, or a draft"
    assert said.err.count("budget") == note.count("budget")


def test_a_deadline_that_stopped_the_run_is_printed(capsys, server, pool_file):
    server.timings["cyd"] = Timing(30)
    assert main(["ask", "--pool", str(pool_file), "--agree", "0", "--budget", "seconds=1", PENS]) == 0
    assert "deadline: the run was stopped at its deadline\n" in capsys.readouterr().err


def test_a_budget_too_small_for_any_answer_is_code_4_and_nothing_is_sent(capsys, server, pool_file):
    assert main(["ask", "-q", "--pool", str(pool_file), "--budget", "tokens=90", PENS]) == 4
    said = capsys.readouterr()
    assert said.err.startswith("lightrouter: the budget is too small for any answer: 'ada' alone needs up to ")
    assert said.err.count("\n") == 1
    assert not server.requests


def test_the_cost_of_a_failed_run_is_printed(capsys, server, pool_file):
    server.failures.update(ada=Say(""), bob=Fail(status=401), cyd=Say(""))
    assert main(["ask", "-q", "--pool", str(pool_file), PENS]) == 3
    why, spent = capsys.readouterr().err.splitlines()
    assert "ada: empty: " in why
    assert spent == "lightrouter: cost of the failed run: 3 calls, 42 + 0 tokens, $0.000084"


def test_no_candidate_answered_is_code_3(capsys, server, pool_file):
    server.failures.update(dict.fromkeys(("ada", "bob", "cyd"), Fail(status=400, message="out of order")))
    assert main(["ask", "-q", "--pool", str(pool_file), PENS]) == 3
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("lightrouter: no candidate could answer (layer 1): ada: bad_response: ")
    assert said.err.count("\n") == 1


@pytest.mark.parametrize("variable", ["VLLM_API_KEY", "TEAM_PASS"])
@pytest.mark.parametrize("command", [["ask", PENS], ["ask", "--json", PENS], ["pool"], ["pool", "--json"]])
def test_a_key_that_a_server_echoes_is_never_shown(capsys, server, pool_file, monkeypatch, variable, command):
    monkeypatch.setenv(variable, KEY)
    if variable != "VLLM_API_KEY":
        pool_file.write_text(pool_file.read_text().replace("price", f'api_key_env = "{variable}"\nprice'))
    echo = Fail(status=401, message=f"Incorrect API key provided: {KEY}. Really {KEY}!")
    server.failures.update(ada=echo, bob=echo)
    main([*command, "--pool", str(pool_file)])
    assert all(request.has_authorization for request in server.requests)
    said = capsys.readouterr()
    assert "Incorrect API key provided: ***" in said.out + said.err
    assert KEY not in said.out + said.err


def test_debug_shows_a_traceback_without_keys(capsys, server, pool_file, monkeypatch):
    monkeypatch.setenv("VLLM_API_KEY", KEY)
    monkeypatch.setenv("LIGHTROUTER_DEBUG", "1")
    echo = Fail(status=401, message=f"Incorrect API key provided: {KEY}")
    server.failures.update(dict.fromkeys(("ada", "bob", "cyd"), echo))
    assert main(["ask", "--pool", str(pool_file), PENS]) == 3
    said = capsys.readouterr()
    assert "Traceback" in said.err
    assert KEY not in said.out + said.err


def test_a_long_answer_is_not_wrapped_in_a_pipe(capsys, pool_file):
    main(["ask", "-q", "--pool", str(pool_file), "--width", "0", "--agree", "0", "--top-k", "2", PENS])
    assert capsys.readouterr().out.count("\n") == 1
    assert LONG.count("\n") == 0
