"""The terminal view on a real pseudo-terminal: boots, answer, bill, interrupts and the SVG file."""

import html
import io
import signal

import pytest
from cli.team import OPEN, PENS, TEXTS, terminal
from langchain_core.messages import AIMessage
from rich.console import Console

from lightrouter_graph.cli import main
from lightrouter_graph.cli.live_view import LiveView
from lightrouter_graph.testing import Fail, Timing


@pytest.mark.parametrize("columns", [80, 120])
def test_boots_ranking_answer_and_bill_fit_the_terminal(server, pool_file, columns):
    server.timings.update(ada=Timing(0.3), bob=Timing(0.3, 400), cyd=Timing(0.2))
    server.failures["cyd"] = Fail(status=401, message="wrong key")
    with terminal("ask", "--pool", pool_file, PENS, columns=columns, cwd=pool_file.parent) as shown:
        assert shown.read_all() == 0
    assert "writing …" in shown.raw
    screen = shown.screen
    assert "writing …" not in screen
    assert all(len(line) <= columns for line in screen.splitlines())
    boots, _, rest = screen.partition("ranked by consistency+prior")
    assert "✓ ada" in boots
    assert "… bob" in boots
    assert "✗ cyd" in boots
    ranking, _, rest = rest.partition("full answers")
    assert "dropped: failed" in ranking
    assert "boot continued" in rest
    assert "2 of 2 answers agree on 12 · stopped: 2 answers agree" in rest
    assert TEXTS[PENS]["ada"] in rest
    bill = rest[rest.index("tokens in") :]
    assert "this run, 4 calls" in bill
    assert "ada alone" in bill
    assert "all 3 in full, then an aggregator" in bill


def test_budget_notes_are_above_the_boots_and_below_the_bill(pool_file):
    settings = ("--agree", "0", "--top-k", "3", "--max-tokens", "20", "--boot-tokens", "5")
    args = ("ask", "--pool", pool_file, "--budget", "calls=5", *settings, PENS)
    with terminal(*args, columns=80, cwd=pool_file.parent) as shown:
        assert shown.read_all() == 0
    above, _, rest = shown.screen.partition("  boots")
    boots, _, below = rest.partition("this run is")
    for part in (above, below):
        assert "budget: 2 candidates boot instead of 3, without cyd; top_k = 2 instead of" in part
    assert "budget" not in boots
    assert "incomplete" not in shown.screen


def test_finished_layers_stay_on_screen_and_the_synthesis_streams(server, pool_file):
    server.timings.update(dict.fromkeys(("ada", "bob", "cyd"), Timing(0.05, 200)))
    args = ("ask", "--pool", pool_file, "--paper", "--selector", "consistency", OPEN)
    with terminal(*args, columns=80, cwd=pool_file.parent, NO_COLOR="1") as shown:
        assert shown.read_all() == 0
    screen = shown.screen
    first, second = screen.index("boots, layer 1 of 2"), screen.index("boots, layer 2 of 2")
    assert "selected for the draft" in screen[first:second]
    assert "layer 1: draft merged from " in screen[first:second]
    assert "below top_k = 2" in screen[second:]
    assert "says: TCP is older,\nQUIC runs over UDP and saves a round trip.\n" in screen[second:]
    assert " from all answers · " in screen[second:]
    assert "\x1b[3" not in shown.raw


def test_an_interrupt_leaves_a_clean_screen(server, pool_file):
    server.timings.update(dict.fromkeys(("ada", "bob", "cyd"), Timing(30)))
    with terminal("ask", "--pool", pool_file, PENS, columns=80, cwd=pool_file.parent) as shown:
        shown.read_until("writing …")
        shown.process.send_signal(signal.SIGINT)
        assert shown.read_all() == 130
    assert shown.screen.endswith("lightrouter: interrupted\n")
    assert "· ada" in shown.screen
    assert "Traceback" not in shown.raw
    assert shown.raw.rindex("\x1b[?25h") > shown.raw.rindex("\x1b[?25l")


def test_text_of_models_cannot_control_the_terminal(server, pool_file):
    server.responders.update({name: lambda body: "\x1b]0;owned\x07\x1b[2JThe answer is 12." for name in ("ada", "bob")})
    with terminal("ask", "--pool", pool_file, PENS, columns=80, cwd=pool_file.parent) as shown:
        assert shown.read_all() == 0
    assert "\x1b]0;" not in shown.raw
    assert "\x1b[2J" not in shown.raw
    assert "The answer is 12." in shown.screen


def test_a_dumb_terminal_gets_lines(pool_file):
    with terminal("ask", "--pool", pool_file, PENS, columns=80, cwd=pool_file.parent, TERM="dumb") as shown:
        assert shown.read_all() == 0
    assert "\x1b" not in shown.raw
    assert "querying ada, bob, cyd (of 3)" in shown.screen


def answer(text: str, message_id: str) -> AIMessage:
    usage = {"input_tokens": 1, "output_tokens": 1, "cached_tokens": 0, "reasoning_tokens": 0, "estimated": False}
    other = {"calls": 3, "what": "ada alone", "usage": usage, "usd": None, "estimated": True}
    bill = {
        "calls": 1,
        "usage": usage,
        "usd": None,
        "usd_known": 0.5,
        "unpriced": ["b"],
        "seconds": 1.0,
        "one_model": other,
    }
    decision = {"merged": "vote", "merged_by": "ada", "merge_notes": {"fallback": "synthesis failed", "budget": "b"}}
    ending = {
        "deadline_exceeded": True,
        "complete": False,
        "budget": ["budget: top_k = 1 instead of 2", "budget: as asked for"],
        "adaptations": {"ada": ["seed left out", "temperature left out"]},
    }
    record = {**decision, **ending, "bill": {**bill, "full_ensemble": other}}
    return AIMessage(text, id=message_id, response_metadata={"lightrouter": record})


def shown_by(*tokens: tuple[str, str], then: AIMessage) -> str:
    file = io.StringIO()
    with LiveView(Console(file=file, force_terminal=False, width=80)) as screen:
        for message_id, token in tokens:
            screen.on_token(message_id, token)
        screen.on_answer(then)
    return file.getvalue()


def test_an_answer_that_streamed_is_not_printed_again():
    screen = shown_by(("m", "It is "), ("m", "twelve."), then=answer("It is twelve.", "m"))
    assert screen.count("twelve.") == 1
    assert "stream failed" not in screen


def test_long_lines_are_not_wrapped():
    line = "a line that is longer than the terminal is wide, " * 4
    tokens = [("m", line[start : start + 7]) for start in range(0, len(line), 7)]
    assert f"\n{line}\n\n" in shown_by(*tokens, then=answer(line, "m"))


@pytest.mark.parametrize("tokens", [["It is\ntwelve."], ["It is", "\ntwelve", ".\n"], ["It is\ntwelve.", ""]])
def test_an_answer_ends_with_one_line_break(tokens):
    screen = shown_by(*(("m", token) for token in tokens), then=answer("".join(tokens), "m"))
    assert screen.startswith("\nIt is\ntwelve.\n\n")


def test_a_failed_stream_is_followed_by_its_replacement():
    screen = shown_by(("m", "It is perh"), then=answer("It is twelve.", "n"))
    assert "It is perh\n\nthe stream failed; replacement answer:\n\nIt is twelve.\n" in screen
    assert "answer of ada, chosen by vote · 1.0 s · synthesis failed\n" in screen


def test_caveats_are_the_last_lines():
    caveats = [
        "deadline: the run was stopped at its deadline",
        "incomplete: the answer is truncated, or a draft",
        "refused forms: ada: seed left out, temperature left out",
        "budget: top_k = 1 instead of 2; as asked for",
    ]
    assert shown_by(then=answer("twelve", "m")).splitlines()[-4:] == caveats


def test_a_price_known_in_part_is_a_lower_bound():
    screen = shown_by(then=answer("twelve", "m"))
    assert "> $0.50" in screen
    assert "price unknown" in screen
    assert "the same" in screen


def test_a_pipe_gets_no_escape_sequences(capsys, pool_file):
    main(["ask", "--pool", str(pool_file), PENS])
    assert "\x1b" not in capsys.readouterr().out


def test_svg_holds_the_screen_and_stdout_the_answer(capsys, pool_file):
    picture = pool_file.parent / "run.svg"
    assert main(["ask", "--pool", str(pool_file), "--svg", str(picture), PENS]) == 0
    assert capsys.readouterr().out == TEXTS[PENS]["ada"] + "\n"
    drawn = html.unescape(picture.read_text()).replace("\xa0", " ")
    for part in (f'lightrouter ask "{PENS}"', "✓", "ranked by consistency+prior", "agree on 12", "this run, "):
        assert part in drawn


def test_svg_that_cannot_be_written_names_the_file(capsys, pool_file):
    assert main(["ask", "--pool", str(pool_file), "--svg", str(pool_file.parent), PENS]) == 2
    assert "cannot write the file (Is a directory)" in capsys.readouterr().err


def test_an_answer_of_a_reserve_candidate_is_drawn(capsys, pool_file):
    picture = pool_file.parent / "run.svg"
    options = ["--width", "2", "--top-k", "3", "--agree", "3", "--svg", str(picture)]
    assert main(["ask", "--pool", str(pool_file), *options, OPEN]) == 0
    assert "cyd says" in html.unescape(picture.read_text()).replace("\xa0", " ")


def test_a_narrow_terminal_gets_the_bill_as_lines():
    file = io.StringIO()
    with LiveView(Console(file=file, force_terminal=False, width=56)) as view:
        view.on_answer(answer("twelve", "m"))
    assert (
        "\nbill: 1 call, 1 + 1 tokens, > $0.50, 1.0 s\nprice unknown: b\ncompared with ada alone: ≈ the same\n"
        in file.getvalue()
    )
