"""`lightrouter pool`: the table, the check and the exit codes."""

import json
import tomllib
from pathlib import Path

import pytest

from lightrouter_graph.cli import main
from lightrouter_graph.redaction.printable import CONTROLS
from lightrouter_graph.testing import Fail, Stall


def test_the_table_lists_prices_and_capabilities(capsys, pool_file):
    assert main(["pool", "--pool", str(pool_file)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["name", "model", "$/1M", "in", "out", "continues", "boots", "JSON", "check"]
    assert lines[1].split()[:6] == ["ada", "vllm:ada", "1.00", "1.00", "yes", "schema"]
    assert lines[1].rstrip().endswith(" s")
    assert lines[-1].startswith("3 of 3 models responded; cost of the check: $0.0")


def test_a_failed_check_names_the_cause(capsys, server, pool_file):
    server.failures["bob"] = Fail(status=404, message="no such model")
    assert main(["pool", "--pool", str(pool_file)]) == 1
    said = capsys.readouterr().out
    assert "✗ failed" in said
    assert "\nbob: bad response: " in said
    assert "no such model" in said
    assert "2 of 3 models responded" in said


def test_without_the_check_nothing_is_sent(capsys, server, pool_file):
    assert main(["pool", "--no-check", "--pool", str(pool_file)]) == 0
    assert server.requests == []
    assert capsys.readouterr().out.splitlines()[-1] == "3 models, not checked"


def test_the_check_is_small(server, pool_file):
    main(["pool", "--pool", str(pool_file)])
    assert len(server.requests) == 3
    assert all(request.body["max_tokens"] <= 64 for request in server.requests)


@pytest.mark.parametrize("check", ["--check", "--no-check"])
def test_json_has_the_same_content(capsys, server, pool_file, check):
    server.failures["cyd"] = Fail(status=401, message="no")
    assert main(["pool", "--json", check, "--pool", str(pool_file)]) == (1 if check == "--check" else 0)
    ada, _, cyd = json.loads(capsys.readouterr().out)["candidates"]
    assert ada["usd_per_million_tokens"] == {"input": 1.0, "output": 1.0}
    assert (ada["provider"], ada["model"], ada["json_mode"]) == ("vllm", "ada", "json_schema")
    if check == "--check":
        assert ada["answers"] is True
        assert ada["seconds"] > 0
        assert cyd["answers"] is False
        assert cyd["failure"]["cause"] == "auth"
    else:
        assert ada["answers"] is cyd["answers"] is None


def test_an_unknown_price_is_shown_as_unknown(capsys, server):
    main(["pool", "--no-check", "-m", f"vllm:ada@{server.base_url}"])
    first, second, _ = capsys.readouterr().out.splitlines()
    assert first.split()[0] == "model"
    assert second.split()[:2] == ["vllm:ada", "unknown"]


@pytest.fixture
def no_models(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OLLAMA_HOST", "http://127.0.0.1:9")
    return tmp_path


def test_init_writes_a_pool_file_once(capsys, server, no_models, monkeypatch):
    monkeypatch.setenv("VLLM_BASE_URL", server.base_url)
    assert main(["pool", "--init"]) == 0
    hint = "wrote lightrouter.toml; check its models: lightrouter pool --pool lightrouter.toml\n"
    assert capsys.readouterr().err.endswith(hint)
    assert main(["pool"]) == 0
    assert "3 of 3 models responded" in capsys.readouterr().out
    Path("lightrouter.toml").write_text("mine")
    assert main(["pool", "--init"]) == 2
    assert "lightrouter.toml exists: add --force to overwrite it" in capsys.readouterr().err
    assert Path("lightrouter.toml").read_text() == "mine"
    assert main(["pool", "--init", "--force"]) == 0
    assert "[[candidate]]" in Path("lightrouter.toml").read_text()


def test_init_without_models_writes_the_defaults_as_comments(capsys, no_models):
    assert main(["pool", "--init", "-"]) == 0
    text = capsys.readouterr().out
    assert "OPENAI_API_KEY" in text
    assert tomllib.loads(text) == {}
    assert main(["pool", "--init", "nowhere/team.toml"]) == 1
    assert "No such file or directory: 'nowhere/team.toml'" in capsys.readouterr().err


def test_a_file_without_init_is_an_error_that_names_the_option(capsys, no_models):
    assert main(["pool", "team.toml"]) == 2
    assert "lightrouter pool --pool team.toml" in capsys.readouterr().err


def test_a_slow_model_may_have_more_or_less_time(capsys, server, pool_file):
    server.failures["bob"] = Stall()
    assert main(["pool", "--timeout", "0.3", "--pool", str(pool_file)]) == 1
    assert "bob: timeout: no reply within 0.3" in capsys.readouterr().out


def test_the_default_time_limit_is_in_the_help(capsys):
    assert main(["pool", "--help"]) == 0
    assert "20 s" in capsys.readouterr().out


@pytest.mark.parametrize("as_json", [True, False])
def test_the_error_of_a_provider_cannot_control_the_terminal(capsys, server, tmp_path, as_json):
    path = tmp_path / "one.toml"
    path.write_text(f'[[candidate]]\nmodel = "vllm:ada@{server.base_url}"\n')
    server.failures["ada"] = Fail(status=404, message="no\u009b2J\u202e\u2028 such \x1b[2J model")
    assert main(["pool", "--pool", str(path), *(["--json"] if as_json else [])]) == 1
    said = capsys.readouterr().out
    assert "[2J" in said
    assert not CONTROLS.search(said)
    if as_json:
        assert "no\u009b2J\u202e\u2028 such \x1b[2J" in json.loads(said)["candidates"][0]["failure"]["message"]
