"""`lightrouter eval` on a recording: files of a run, and invalid options."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from cli.team import command
from evaluation.toys import random_questions

from lightrouter_graph.cli import main
from lightrouter_graph.cli.evaluate.compare import print_comparison
from lightrouter_graph.evaluation.datasets.recordings import write_recording
from lightrouter_graph.evaluation.methods.error_injection import FORM
from lightrouter_graph.evaluation.methods.registry import named
from lightrouter_graph.evaluation.questions import DataSet, fold_of

RUN = ["--method", "majority", "--method", "lightrouter:boot_tokens=16", "--method", "best-single", "--jobs", "1"]
LEFT = {"report.md", "index.html", "summary.json", "results.jsonl", "run.json"}


@pytest.fixture
def recording(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "150")
    write_recording("toy.jsonl", DataSet("toy", tuple(random_questions(3, "abc", 16)), "recorded"))
    return "toy.jsonl"


def lightrouter(*args: object) -> int:
    return main(["eval", *map(str, args)])


def bytes_of(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.name in {*LEFT} - {"index.html"}}


def test_a_run_writes_a_report_and_a_repetition_changes_nothing(recording: str, capsys: pytest.CaptureFixture) -> None:
    assert lightrouter("run", recording, *RUN, "--out", "out") == 0
    said = capsys.readouterr()
    assert "majority of all" in said.out
    assert "48 of 48" in said.err
    assert "report: out/report.md" in said.err
    folder = Path("out")
    assert {path.name for path in folder.iterdir()} >= LEFT
    assert len((folder / "results.jsonl").read_text().splitlines()) == 48
    summary = json.loads((folder / "summary.json").read_text())
    assert [row["method"] for row in summary["methods"]] == RUN[1:6:2]
    assert summary["facts"]["mode"] == "replay"
    assert any("continuation=regenerate" in note for note in summary["facts"]["notes"])
    before = bytes_of(folder)
    assert lightrouter("run", recording, *RUN, "--out", "out") == 0
    assert "48 of 48 results exist already" in capsys.readouterr().err
    assert bytes_of(folder) == before
    assert lightrouter("run", recording, *RUN, "--out", "out", "--questions", "5") == 0
    assert json.loads((folder / "summary.json").read_text())["facts"]["questions"] == 5
    assert lightrouter("run", recording, *RUN, "--out", "out") == 0
    assert bytes_of(folder) == before  # other questions in a replay: nothing is run again
    assert lightrouter("run", recording, *RUN[:2], "--out", "out", "--seed", "1") == 2
    assert "out holds a run with seed = 0, now 1: choose another folder with --out" in capsys.readouterr().err
    assert bytes_of(folder) == before


def test_quiet_prints_only_the_table(recording: str, capsys: pytest.CaptureFixture) -> None:
    assert lightrouter("run", recording, *RUN[:2], "-q", "--jobs", "1") == 0
    said = capsys.readouterr()
    assert said.err == ""
    assert "majority" in said.out
    assert Path("lightrouter-eval/toy-run/report.md").is_file()


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["run", "toy.jsonl", "--method", "majorty"], r"unknown method 'majorty' \(did you mean 'majority'\?\)"),
        (["run", "toy.jsonl", "--models", "a,zed"], "no output of a model 'zed' is recorded; there are a, b, c"),
        (["run", "toy.jsonl", "--models", "a"], "only a is selected by .*, and two are needed"),
        (["run", "toy.jsonl", "--models", "a,b,a"], "a is listed twice in --models"),
        (["run", "unscored.jsonl"], "no output of a, b, c has a score"),
        (["corruption", "toy.jsonl"], "corruption needs live models"),
        (["ablate", "layers", "toy.jsonl"], "ablate-layers needs live models"),
        (["run", "toy.jsonl", "--method", "self-moa"], "'self-moa' needs samples, which this run does not have"),
        (
            ["run", "toy.jsonl", "--method", "lightrouter:top_k=0"],
            "top_k = 0: input should be greater than or equal to 1",
        ),
        (["run", "toy.jsonl", "--method", "lightrouter:top_k=\u00b2"], "top_k = '\u00b2': "),
        (["run", "toy.jsonl", "--method", "corrupted-101-in-1-of-1"], "a percentage of 0 to 100 and a layer of 1 to 1"),
        (["run", "toy.jsonl", "--set", "boots=3"], "unknown setting 'boots'"),
        (["run", "toy.jsonl", "--set", "boots"], "a setting is written name=value, got 'boots'"),
        (
            ["run", "toy.jsonl", "--pool", "x.toml", "--budget", "1"],
            "holds recorded outputs; add --live to call models, or remove --pool, --budget",
        ),
        (["run", "pocket:3", "--models", "a,b"], "recorded ones cannot be selected: remove --models"),
        (["run", "toy.jsonl", "--scoring", "judge"], "a recording can be scored again by exact, number, letter, math"),
        (["run", "toy.jsonl", "--scoring", "code"], "the scoring 'code' is not available"),
        (
            ["run", "toy.jsonl", "--live", "-m", "vllm:m@http://127.0.0.1:1/v1"],
            "select a scoring method for new ones with --scoring",
        ),
        (["run", "toy.jsonl", "--questions", "0"], "greater than or equal to 1"),
        (["run", "toy.jsonl", "--jobs", "-2"], "greater than or equal to 1"),
        (["run", "toy.jsonl", "--folds", "1"], "greater than or equal to 2"),
        (["run", "toy.jsonl", "--seed", "-1"], "greater than or equal to 0"),
        (["run", "toy.jsonl", "--budget", "-1"], "greater than or equal to 0"),
        (["run", "toy.jsonl", "--max-price", "-0.5"], "greater than or equal to 0"),
        (["run", "toy.jsonl", "--overhead", "-5"], "greater than or equal to 0"),
        (["run", "gone.jsonl"], "cannot read the recording gone.jsonl: No such file"),
        (["run", "pocket:0"], "'pocket:0' needs a number of problems >= 1"),
        (["run", "pocket:2", "--pool", "gone.toml"], r"gone\.toml: cannot be read"),
        (["run", "pocket:2", "-m", "pocket:general", "--scoring", "luck"], "got 'luck'"),
        (["run", "damaged.jsonl"], r"damaged\.jsonl.*line 2"),
        (["run"], "Missing argument 'DATA'"),
        (["compare", "nowhere", "nor-here"], "nowhere holds no run"),
        (["again", "nowhere"], "nowhere holds no"),
    ],
)
def test_invalid_options_are_one_line_errors(
    recording: str, capsys: pytest.CaptureFixture, args: list[str], said: str
) -> None:
    rows = [json.loads(line) for line in Path(recording).read_text().splitlines()]
    Path("damaged.jsonl").write_text(json.dumps(rows[0]) + "\n{oops\n")
    for row in rows:
        for output in row["outputs"].values():
            output["score"] = None
    Path("unscored.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    jobs = ["--jobs", "1"] if args[0] in {"run", "corruption"} and "--jobs" not in args and len(args) > 1 else []
    assert lightrouter(*args, *jobs, "--out", "out") == 2 if args[0] != "compare" else lightrouter(*args) == 2
    told = [line for line in capsys.readouterr().err.splitlines() if line.startswith("lightrouter: ")]
    assert len(told) == 1
    assert re.search(said, told[0]), told
    assert "Traceback" not in told[0]
    assert not Path("out/results.jsonl").exists()


def test_learning_methods_are_left_out_if_all_questions_are_in_one_fold(
    recording: str, capsys: pytest.CaptureFixture
) -> None:
    rows = [json.loads(line) for line in Path(recording).read_text().splitlines()]
    alone = [row for row in rows if fold_of(row["id"], 2) == 0]
    Path("few.jsonl").write_text("".join(json.dumps(row) + "\n" for row in alone))
    assert lightrouter("run", "few.jsonl", "-n", "2", "--jobs", "1", "--out", "out") == 0, capsys.readouterr().err
    ran = [row["method"] for row in json.loads(Path("out/summary.json").read_text())["methods"]]
    assert {"majority", "lightrouter-cold"} <= {*ran}
    assert not {"best-single", "cascade", "lightrouter"} & {*ran}
    assert lightrouter("run", "few.jsonl", "--method", "cascade", "--out", "other") == 2
    assert "method 'cascade' needs history, which this run does not have" in capsys.readouterr().err


@pytest.mark.parametrize("content", [b"", b'{"data": "toy', b"[]", b"null", b'{"a":' * 20_000, b"\xff\xfe"])
def test_a_damaged_run_file_is_an_error(recording: str, capsys: pytest.CaptureFixture, content: bytes) -> None:
    Path("out").mkdir()
    Path("out/run.json").write_bytes(content)
    assert lightrouter("run", recording, *RUN[:2], "--jobs", "1", "--out", "out") == 2
    assert "run.json is damaged" in capsys.readouterr().err
    assert lightrouter("compare", "out", "out") == 2


@pytest.mark.parametrize("name", ["run.json", "summary.json"])
@pytest.mark.parametrize("content", [b"null", b"[" * 20_000])
def test_a_damaged_file_of_a_finished_run_is_an_error(
    recording: str, capsys: pytest.CaptureFixture, name: str, content: bytes
) -> None:
    lightrouter("run", recording, *RUN[:2], "--jobs", "1", "--out", "out")
    Path("out", name).write_bytes(content)
    capsys.readouterr()
    assert lightrouter(*(["compare", "out", "out"] if name == "run.json" else ["overview", "out"])) == 2
    said = capsys.readouterr().err
    assert re.search(rf"out holds no (run|report): {name} (is not a JSON object|cannot be read)", said)
    assert said.count("\n") == 1


def test_damaged_results_are_an_error(recording: str, capsys: pytest.CaptureFixture) -> None:
    lightrouter("run", recording, *RUN[:2], "--jobs", "1", "--out", "out")
    with Path("out/results.jsonl").open("ab") as file:
        file.write(b'{"a":' * 20_000 + b"\n")
    assert lightrouter("run", recording, *RUN[:2], "--jobs", "1", "--out", "out") == 2
    assert "results.jsonl, line 17: not a result" in capsys.readouterr().err
    content = Path("out/results.jsonl").read_bytes().rpartition(b'{"a":{')[0].partition(b'{"a":{')[0]
    Path("out/results.jsonl").write_bytes(content + b"garbage\n")
    assert lightrouter("run", recording, *RUN[:2], "--jobs", "1", "--out", "out") == 2
    assert "results.jsonl, line 17: not a result, got 'garbage'" in capsys.readouterr().err


LONG = "lightrouter-by-consistency:boot_tokens=16,top_k=1"


@pytest.fixture(scope="module")
def both_runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Run three methods, then two of them with 50 more tokens in each prompt."""
    where = tmp_path_factory.mktemp("runs")
    write_recording(where / "toy.jsonl", DataSet("toy", tuple(random_questions(3, "abc", 16)), "recorded"))
    three = ["--method", "majority", "--method", LONG, "--method", "best-single", "--jobs", "1", "-q"]
    run = ["run", where / "toy.jsonl"]
    assert lightrouter(*run, *three, "--out", where / "before") == 0
    assert lightrouter(*run, *three[:4], *three[6:], "--overhead", "50", "--out", where / "after") == 0
    return where


@pytest.fixture
def two_runs(recording: str, both_runs: Path, capsys: pytest.CaptureFixture) -> tuple[Path, Path]:
    folders = Path("before"), Path("after")
    for folder in folders:
        shutil.copytree(both_runs / folder, folder)
    capsys.readouterr()
    return folders


def test_compare_prints_significant_changes(two_runs: tuple[Path, Path], capsys: pytest.CaptureFixture) -> None:
    assert lightrouter("compare", *two_runs) == 0
    said = capsys.readouterr().out
    assert "before to after" in said
    row = next(line for line in said.splitlines() if line.startswith("majority"))
    assert re.fullmatch(r"majority +all tokens +[\d,]+ +[\d,]+ +\+150 \[\+150, \+150\]\s*", row)  # 50 for each of three
    assert "quality, points" not in said
    assert "only before: best-single" in said
    told = " ".join(said.split())
    assert re.search(r"Compared 16 figures of 2 methods on 16 questions, paired by question: 2 significant", told)
    assert "--all shows the other 14" in told
    assert LONG in said  # a page is wide enough for it


def test_compare_all_shows_every_figure(two_runs: tuple[Path, Path], capsys: pytest.CaptureFixture) -> None:
    print_comparison(*two_runs, show_all=True)
    said = capsys.readouterr().out
    rows = [line for line in said.splitlines() if "quality, points" in line]
    assert len(rows) == 2
    assert all(re.search(r"\d\d\.\d +\d\d\.\d +\+0\.0 \[-\d+\.\d, \+\d+\.\d\]", row) for row in rows)
    assert "Equal scores have an interval around 0 as well" in said
    assert sum(line.rstrip().endswith("*") for line in said.splitlines() if "all tokens" in line) == 2
    assert said.count("s to the end, median") == 2


def test_compare_ignores_the_order_of_candidates_and_times_of_another_mode(
    two_runs: tuple[Path, Path], capsys: pytest.CaptureFixture
) -> None:
    path = two_runs[1] / "run.json"
    terms = json.loads(path.read_text())
    path.write_text(json.dumps({**terms, "candidates": terms["candidates"][::-1], "mode": "live"}))
    print_comparison(*two_runs, show_all=True)
    said = capsys.readouterr().out
    assert "the runs differ in mode: replay / live" in said
    assert "differ in candidates" not in said
    assert "latencies are not compared" in said
    assert "s to the end" not in said
    path.write_text(json.dumps({**terms, "candidates": terms["candidates"][1:]}))
    print_comparison(*two_runs)
    assert "the runs differ in candidates: ['a', 'b', 'c'] / [" in capsys.readouterr().out


def test_methods_are_listed_and_each_of_them_is_one(
    capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    assert lightrouter("methods") == 0
    rows = capsys.readouterr().out.partition("\n\n")[0].splitlines()[1:]
    names = [row.split()[0] for row in rows]
    assert {"majority", "lightrouter", "single:NAME", "oracle-N"} <= set(names)
    marks = {row.split()[0]: row[38:48].strip() for row in rows}
    assert marks["majority"] == marks["single:NAME"] == marks["lightrouter-32"] == marks["self-moa"] == "*"
    assert (marks["moa-N"], marks["oracle-N"], marks["router-N"]) == ("N = 1, 2", "N = 3", "N = 50")
    assert not any(marks[name] for name in ("first", "self-moa-N", "cascade-N", FORM))
    assert any(row.endswith("Mixture-of-Agents, N layers") for row in map(str.rstrip, rows))
    for form in names:
        name = form.replace("PERCENT-in-LAYER-of-LAYERS", "50-in-1-of-2").replace("NAME", "a").removesuffix("N") + (
            "2" if form.endswith("-N") else ""
        )
        assert named(name).name == name


@pytest.mark.parametrize(
    "command",
    [
        [],
        ["run"],
        ["predictiveness"],
        ["equal-cost"],
        ["corruption"],
        ["ablate"],
        ["again"],
        ["compare"],
        ["methods"],
        ["export"],
    ]
    + [["ablate", name] for name in ("boot-tokens", "top-k", "layers")],
)
def test_help_of_every_command(capsys: pytest.CaptureFixture, command: list[str]) -> None:
    assert lightrouter(*command, "--help") == 0
    shown = capsys.readouterr().out
    assert f"Usage: lightrouter eval {' '.join(command)}".strip() in shown
    assert "Traceback" not in shown


@pytest.mark.slow
@pytest.mark.parametrize("experiment", ["predictiveness", "equal-cost", "ablate boot-tokens", "ablate top-k"])
def test_each_experiment_draws_its_curves(recording: str, capsys: pytest.CaptureFixture, experiment: str) -> None:
    assert lightrouter(*experiment.split(), recording, "-n", "8", "--jobs", "1", "--out", "out", "-q") == 0, (
        capsys.readouterr().err
    )
    summary = json.loads(Path("out/summary.json").read_text())
    assert summary["curves"]
    points = {"ablate boot-tokens": 8, "ablate top-k": 4}.get(experiment)
    if points is not None:
        assert {len(row) for name, row in summary["curves"].items()} == {points}


@pytest.mark.slow
def test_a_set_option_applies_once_to_every_lightrouter_method(recording: str, capsys: pytest.CaptureFixture) -> None:
    args = ["ablate", "top-k", recording, "-n", "6", "--set", "boot_tokens=16", "--out", "out", "-q", "--jobs", "1"]
    assert lightrouter(*args) == 0, capsys.readouterr().err
    summary = json.loads(Path("out/summary.json").read_text())
    ours = [row["method"] for row in summary["methods"] if row["method"].startswith("lightrouter")]
    assert not any("boot_tokens" in name for name in ours)  # the names stay comparable; what was written shows it
    assert len(ours) == len(set(ours)) == 16
    results = [json.loads(line) for line in Path("out/results.jsonl").read_text().splitlines()]
    boots = [boot for result in results if result["route"] for boot in result["route"]["boots"]]
    assert max(boot["tokens"] for boot in boots) <= 16
    assert (
        "Applied to every LightRouter method that does not set it itself: boot_tokens=16." in summary["facts"]["notes"]
    )
    assert {len(row) for row in summary["curves"].values()} == {4}


def left_of(group: int) -> list[str]:
    """List the processes of a group that still run."""
    listed = subprocess.run(["ps", "-eo", "pgid=,stat=,args="], capture_output=True, text=True, check=True).stdout
    rows = [line.split(None, 2) for line in listed.splitlines()]
    return [args for pgid, state, args in rows if int(pgid) == group and not state.startswith("Z")]


@pytest.mark.slow
def test_ctrl_c_ends_a_replay_of_two_processes_and_keeps_results(recording: str) -> None:
    methods = [word for n in range(1, 200) for word in ("--method", f"lightrouter:boot_tokens={n}")]
    args = command("eval", "run", recording, *methods, "--jobs", "2", "--out", "out")
    with subprocess.Popen(args, stderr=subprocess.PIPE, text=True, start_new_session=True) as process:
        assert process.stderr is not None
        try:
            told = process.stderr.readline()
            while told and " of 3,184" not in told:  # a tenth is done
                told = process.stderr.readline()
            os.killpg(process.pid, signal.SIGINT)
            assert process.wait(20) == 130
        finally:
            process.kill()
        said = process.stderr.read()
    assert said.strip().splitlines()[-1] == "lightrouter: interrupted"
    assert "Traceback" not in said
    kept = len(Path("out/results.jsonl").read_text().splitlines())
    assert 300 < kept < 3184
    until = time.monotonic() + 10
    while left_of(process.pid) and time.monotonic() < until:
        time.sleep(0.02)
    assert left_of(process.pid) == []


@pytest.mark.slow
def test_a_set_option_does_not_override_the_varied_setting(recording: str, capsys: pytest.CaptureFixture) -> None:
    args = ["ablate", "top-k", recording, "-n", "4", "--set", "top_k=2,boot_tokens=16", "--out", "out", "-q", "-j", "1"]
    assert lightrouter(*args) == 0, capsys.readouterr().err
    summary = json.loads(Path("out/summary.json").read_text())
    ours = [row["method"] for row in summary["methods"] if row["method"].startswith("lightrouter-by-hybrid")]
    assert ours == [f"lightrouter-by-hybrid:top_k={k}" for k in (1, 2, 3, 4)]
    assert {tuple(point["x"] for point in row) for row in summary["curves"].values()} == {(1, 2, 3, 4)}


def test_a_recording_without_scores_is_scored_by_its_answers(recording: str, capsys: pytest.CaptureFixture) -> None:
    questions = [json.loads(line) for line in Path(recording).read_text().splitlines()]
    for question in questions:
        question["answer"] = question["outputs"]["a"]["text"].rsplit(maxsplit=1)[-1].rstrip(".")
        for output in question["outputs"].values():
            del output["score"]
    Path("bare.jsonl").write_text("".join(json.dumps(question) + "\n" for question in questions))
    chosen = ["--method", "single:a", "--method", "single:b", "--jobs", "1"]
    assert lightrouter("run", "bare.jsonl", *chosen) == 2
    assert "add --scoring (exact, number, letter, math)" in capsys.readouterr().err
    assert lightrouter("run", "bare.jsonl", *chosen, "--scoring", "number", "--out", "bare") == 0
    one, other = json.loads(Path("bare/summary.json").read_text())["methods"]
    answered = [question["answer"].isdigit() for question in questions]  # the others say that they do not know
    assert one["quality"]["value"] == pytest.approx(sum(answered) / len(answered))
    assert other["quality"]["value"] < one["quality"]["value"]


def test_a_set_option_keeps_the_names_of_methods(recording: str, capsys: pytest.CaptureFixture) -> None:
    for out, more in (("one", ()), ("other", ("--set", "top_k=1"))):
        assert lightrouter("run", recording, *RUN, *more, "--out", out) == 0
    capsys.readouterr()
    rows = [json.loads(Path(out, "summary.json").read_text())["methods"] for out in ("one", "other")]
    assert [row["method"] for row in rows[0]] == [row["method"] for row in rows[1]]
    ours = [next(row for row in table if row["method"].startswith("lightrouter")) for table in rows]
    assert ours[1]["calls"]["value"] < ours[0]["calls"]["value"]
    assert lightrouter("compare", "one", "other") == 0
    assert ours[0]["method"] in capsys.readouterr().out


@pytest.mark.parametrize("module", ["scipy", "sklearn", "matplotlib", "textalloc", "jinja2"])
def test_a_missing_package_is_an_error_before_the_run(recording: str, module: str) -> None:
    code = f"import sys; sys.modules[{module!r}] = None; from lightrouter_graph.cli import main; sys.exit(main())"
    done = subprocess.run(
        [sys.executable, "-c", code, "eval", "run", recording, *RUN, "--out", "out"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2
    said = f"lightrouter: lightrouter eval needs the package '{module}': pip install 'lightrouter-graph[eval]'\n"
    assert done.stderr == said
    assert not Path("out").exists()
