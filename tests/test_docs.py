"""The README and the pages stay true: generated parts are fresh, links lead somewhere, and what is shown runs."""

import html
import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from pages import PAGES, README, ROOT, Player, blocks_of, commands_of, served_models

from lightrouter_graph import Candidate, Pool, create_lightrouter, default_key
from lightrouter_graph.testing import ScriptedChatModel

MKDOCS = ROOT / "docs" / "mkdocs"
DEPLOY = ROOT / "docs" / "deploy.md"  # tests/deployment plays this page on a Postgres and a Redis
KEYLESS = {README, ROOT / "docs" / "tutorial.md"}  # they begin without a pool and bring their own
POOL_FILE = next(block for block in blocks_of(README) if block.kind == "toml")
BLOCKS = [block for page in PAGES for block in blocks_of(page)]


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


def load(name):
    """Import one of the scripts beside mkdocs.yml."""
    spec = importlib.util.spec_from_file_location(name, MKDOCS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def addresses():
    with served_models() as served:
        yield served


@pytest.fixture
def keys(monkeypatch):
    """Set the variables that the pages name, to values no provider would take."""
    for name in (
        "OPENAI",
        "GROQ",
        "ANTHROPIC",
        "GOOGLE",
        "MISTRAL",
        "AZURE_OPENAI",
        "OPENROUTER",
        "TOGETHER",
        "DEEPSEEK",
    ):
        monkeypatch.setenv(f"{name}_API_KEY", "none")
    monkeypatch.setenv("AZURE_OPENAI_ENDPOINT", "https://example.openai.azure.com")
    monkeypatch.setenv("OPENAI_API_VERSION", "2025-03-01-preview")
    for name, value in {"DEFAULT_REGION": "us-east-1", "ACCESS_KEY_ID": "none", "SECRET_ACCESS_KEY": "none"}.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    for name in ("GPU_SERVER_KEY", "ACME_API_KEY"):
        monkeypatch.setenv(name, "none")


class TestPages:
    @pytest.mark.parametrize("page", [page for page in PAGES if page != DEPLOY], ids=name_of)
    def test_everything_on_a_page_runs_in_its_order(self, page, addresses, keys, monkeypatch, tmp_path):
        monkeypatch.chdir(tmp_path)
        monkeypatch.setenv("OLLAMA_HOST", "http://127.0.0.1:9")  # no local server is found
        player = Player(addresses, tmp_path)
        if page not in KEYLESS:
            player.play(POOL_FILE)
        with monkeypatch.context() as without:
            if page in KEYLESS:
                for name in ("OPENAI", "GROQ", "OPENROUTER", "TOGETHER", "DEEPSEEK", "ANTHROPIC", "GOOGLE", "MISTRAL"):
                    without.delenv(f"{name}_API_KEY")
            for block in blocks_of(page):
                if block.kind == "toml":
                    without.undo()
                    monkeypatch.chdir(tmp_path)
                player.play(block)

    def test_every_mark_above_a_block_is_known(self):
        assert {block.mark for block in BLOCKS} <= {"", "generated: tree"}

    def test_generated_parts_are_those_of_the_code(self):
        """In a process of its own: providers that other tests register belong to no table."""
        check = [sys.executable, MKDOCS / "generate.py", "--check"]
        done = subprocess.run(check, capture_output=True, text=True, check=False, timeout=60)
        assert done.returncode == 0, done.stderr

    @pytest.mark.parametrize("page", PAGES[1:], ids=name_of)
    def test_a_page_says_who_should_read_it(self, page):
        title, _, reader, *_ = page.read_text().splitlines()
        assert title.startswith("# ")
        assert reader.startswith("For: ")

    def test_every_page_is_in_the_navigation(self):
        listed = {
            page
            for section in yaml.safe_load((MKDOCS / "mkdocs.yml").read_text())["nav"]
            for page in section.popitem()[1]
        }
        assert listed == {str(page.relative_to(ROOT / "docs")) for page in PAGES[1:]}

    @pytest.mark.parametrize("page", PAGES, ids=name_of)
    def test_links_and_named_files_exist(self, page):
        text = page.read_text()
        for target, anchor in re.findall(r"\]\((?!http)([^)#]*)#?([^)]*)\)", text):
            file = (page.parent / target).resolve() if target else page
            assert file.exists(), target
            assert not anchor or anchor in anchors_of(file), f"{target}#{anchor}"
        for named in re.findall(r"`((?:examples|tests|docs|graphs)/[\w./-]+)`", text):
            assert (ROOT / named).exists(), named

    def test_the_readme_is_short_and_shows_code_at_once(self):
        lines = README.read_text().splitlines()
        assert len(lines) <= 170
        assert "```python" in lines[:40]

    def test_the_site_is_built_without_a_warning(self, tmp_path):
        build = ["-m", "mkdocs", "build", "--strict", "--quiet", "-f", MKDOCS / "mkdocs.yml", "-d", tmp_path]
        done = subprocess.run([sys.executable, *build], capture_output=True, text=True, check=False, timeout=60)
        assert done.returncode == 0, done.stderr
        assert not [
            page
            for page in tmp_path.rglob("*.html")
            if re.search(r'(?:src|href)="(?:https?:)?//\w[^"]*\.(?:js|css)', page.read_text())
        ]


def anchors_of(page: Path) -> set[str]:
    """The anchors of a page's headings."""
    heads = re.findall(r"(?m)^#+ (.+)$", page.read_text())
    return {re.sub(r"[^\w -]", "", head.lower()).strip().replace(" ", "-") for head in heads}


@pytest.mark.usefixtures("keys")
def test_every_spec_string_of_the_provider_tables_is_built():
    short, full = (
        re.findall(r"(?m)^\| [^|]+ \| `(\w+:[^`]+)` \|", page.read_text()) for page in (README, ROOT / "docs/pools.md")
    )
    assert len(short) == 9
    assert set(short) <= set(full)
    for spec in full:
        assert Candidate("any", spec).model, spec


def test_the_table_of_keys_is_right():
    page = (ROOT / "docs" / "answers.md").read_text()
    rows = re.findall(r"(?m)^\| ([^|`]+|a JSON `answer` field) \| (`.+`) \| `(\w.*)` \|$", page)
    assert len(rows) == 7
    for form, examples, key in rows:
        question = "Which one?\n(A) red\n(B) blue" if "letter" in form else "How many?" if "number" in form else ""
        for example in re.findall(r"`([^`]+)`", examples):
            assert default_key(example, question) == key, example


class TestPictures:
    def test_the_graph_is_drawn_as_it_is_wired(self):
        assert load("pictures").drawn_graph() == (ROOT / "docs/assets/graph.svg").read_text()

    def test_the_recorded_run_still_happens(self):
        shown, again = ((ROOT / "docs/assets/ask.svg").read_text(), load("pictures").recorded_run())
        assert words_of(again) == words_of(shown), "run: python docs/mkdocs/generate.py pictures"


def words_of(svg: str) -> list[str]:
    """The words of a picture, but for how long things took."""
    text = html.unescape(" ".join(re.findall(r">([^<]+)</text>", svg)))
    return re.sub(r"\d+\.\d\ss\b", "", text).split()


class TestCommands:
    def test_hooks_and_workflow_call_what_the_makefile_has(self):
        targets = set(re.findall(r"(?m)^(\w+):", (ROOT / "Makefile").read_text()))
        hooks = (ROOT / ".pre-commit-config.yaml").read_text()
        flow = (ROOT / ".github/workflows/ci.yml").read_text()
        assert {"lint", "test"} <= set(re.findall(r"make (\w+)", hooks)) <= targets
        assert {"lint", "test"} <= set(re.findall(r"make (\w+)", flow)) <= targets
        assert {repo["repo"] for repo in yaml.safe_load(hooks)["repos"]} == {"local"}

    @pytest.mark.slow
    @pytest.mark.timeout(600)
    def test_the_wheel_answers_in_a_fresh_environment(self, tmp_path):
        """Build sdist and wheel, check them as an upload would be, and run README's first commands on the wheel."""

        def run(*command, **environment):
            done = subprocess.run(
                command, cwd=tmp_path, capture_output=True, text=True, check=False, env=environment or None
            )
            assert done.returncode == 0, done.stdout + done.stderr
            return done.stdout

        run(sys.executable, "-m", "build", "--outdir", tmp_path / "dist", ROOT)
        built = sorted((tmp_path / "dist").iterdir())
        assert [path.suffix for path in built] == [".whl", ".gz"]
        run(sys.executable, "-m", "twine", "check", "--strict", *built)
        run(sys.executable, "-m", "venv", "fresh")
        fresh = tmp_path / "fresh" / "bin"
        run(fresh / "pip", "install", "--quiet", built[0])
        alone = {"PATH": str(fresh), "HOME": str(tmp_path), "OLLAMA_HOST": "http://127.0.0.1:9"}
        code = next(block.body for block in blocks_of(README) if block.kind == "python")
        assert "The answer is 85." in run(fresh / "python", "-c", code, **alone)
        question = "Mia has 47 apples and gets 38 more. How many apples does Mia have now?"
        assert "The answer is 85." in run(fresh / "lightrouter", "ask", question, **alone)

    @pytest.mark.slow
    def test_the_first_evaluation_runs(self, tmp_path):
        page = blocks_of(ROOT / "docs" / "evaluation.md")
        command = next(
            line for block in page if block.kind == "bash" for line in commands_of(block) if " sample " in line
        )
        done = subprocess.run(
            [Path(sys.executable).parent / "lightrouter", *command.split()[1:]],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr
        assert (tmp_path / "lightrouter-eval/sample-run/report.md").exists()


class TestWalk:
    """The stops of one query in docs/architecture.md."""

    STOPS = re.findall(
        r"(?m)^\d+\. `(lightrouter_graph/[\w/]+\.py):(\d+)` `(?:\w+\.)?(\w+)`",
        (ROOT / "docs" / "architecture.md").read_text(),
    )

    def test_there_are_at_most_ten_files(self):
        assert 8 <= len(self.STOPS) == len({file for file, _, _ in self.STOPS}) <= 10

    def test_every_stop_is_a_definition(self):
        for file, line, name in self.STOPS:
            source = (ROOT / file).read_text().splitlines()[int(line) - 1]
            assert re.match(rf"\s*(?:async )?(?:def|class) {name}\b", source), f"{file}:{line}"

    async def test_a_query_passes_the_stops_in_their_order(self):
        stops = {(str(ROOT / file), int(line)) for file, line, _ in self.STOPS}
        passed = {}  # a dict keeps the order

        def note(frame, event, _):
            place = (frame.f_code.co_filename, frame.f_code.co_firstlineno)
            if event == "call" and place in stops:
                passed.setdefault(place)

        pool = Pool([Candidate(name, ScriptedChatModel(responses="The answer is 391.")) for name in ("oak", "elm")])
        before = sys.getprofile()
        sys.setprofile(note)
        try:
            await create_lightrouter(pool).compile().ainvoke({"messages": [("user", "What is 17 * 23?")]})
        finally:
            sys.setprofile(before)
        assert [(str(Path(file).relative_to(ROOT)), line) for file, line in passed] == [
            (file, int(line)) for file, line, _ in self.STOPS
        ]


COSTS = (ROOT / "docs" / "costs.md").read_text()
PROMPT, BOOT, POOL_SIZE, OUTPUT_PRICE, VERDICT = 500, 200, 6, 4, 100


def one(answer):
    return PROMPT + OUTPUT_PRICE * answer


def merge(answer, read):
    return PROMPT + read + OUTPUT_PRICE * answer


def boots(number, answer):
    return number * one(min(answer, BOOT))


def judge(answer):
    """Two askings, in both orders."""
    return 2 * (PROMPT + POOL_SIZE * min(answer, BOOT) + OUTPUT_PRICE * VERDICT)


def continued(answer):
    return PROMPT + BOOT + OUTPUT_PRICE * (answer - BOOT) if answer > BOOT else 0


def regenerated(answer):
    """With the two chosen boots in the prompt; a boot that finished is not written again."""
    return PROMPT + 2 * BOOT + OUTPUT_PRICE * answer if answer > BOOT else 0


def ensemble(answer):
    return POOL_SIZE * one(answer) + merge(answer, POOL_SIZE * answer)


def paper(answer, layers=2):
    """An inner layer's draft is counted as one boot long; later prompts carry it."""
    inner = boots(POOL_SIZE, answer) + judge(answer) + merge(min(answer, BOOT), 2 * min(answer, BOOT))
    carried = (layers - 1) * POOL_SIZE * min(answer, BOOT)
    last = boots(POOL_SIZE, answer) + judge(answer) + 2 * regenerated(answer) + merge(answer, 2 * answer)
    return (layers - 1) * inner + carried + last


def best_two_continued(answer):
    return boots(POOL_SIZE, answer) + 2 * continued(answer) + merge(answer, 2 * answer)


def default(answer):
    return boots(3, answer) + 2 * continued(answer)


@pytest.mark.parametrize(
    ("row", "cost"),
    [
        ("Mixture-of-Agents", ensemble),
        ("`Context.paper()`", paper),
        ("`Context.paper(layers=1)`", lambda answer: paper(answer, layers=1)),
        ("all boot, best 2 are continued", best_two_continued),
        ("`Context()`, when", default),
    ],
)
def test_the_token_arithmetic_is_right(row, cost):
    line = next(line for line in COSTS.splitlines() if line.startswith(f"| {row}"))
    claimed = [float(cell) for cell in line.split("|")[2:6]]
    assert claimed == [round(cost(answer) / one(answer), 1) for answer in (150, 300, 600, 1500)]
