"""The pages of the documentation as a test reads them: their blocks, and a place where these run.

A page is played from top to bottom in one directory: Python blocks share one namespace, shell commands run in this
process or are checked against their parser, a pool file is written, and an `output` block is compared with what the
block before it printed.
"""

import ast
import contextlib
import doctest
import io
import json
import re
import shlex
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from importlib.metadata import metadata
from pathlib import Path
from typing import Any

import httpx
import langgraph_cli.cli
import typer
import uvicorn
import yaml
from obliging import obliging
from packaging.requirements import Requirement

from lightrouter_graph import Pool
from lightrouter_graph.cli import main as lightrouter
from lightrouter_graph.cli.app import app
from lightrouter_graph.server import create_app, listen
from lightrouter_graph.testing import RecordedModelServer

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
PAGES = (README, *sorted((ROOT / "docs").rglob("*.md")))

_BLOCK = re.compile(
    r"(?:^<!-- (?P<mark>[^>\n]+) -->\n)?^```(?P<kind>\S*)\n(?P<body>.*?)^```$", re.MULTILINE | re.DOTALL
)
_SERVED = "http://127.0.0.1:8000"
_ELLIPSIS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
_MODELS = ("gpt-5.4-mini", "openai/gpt-oss-20b", "Qwen/Qwen3-8B")


@dataclass(frozen=True)
class Block:
    """A fenced block, with the comment right above it, if any."""

    page: Path
    line: int
    kind: str
    body: str
    mark: str

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def blocks_of(page: Path) -> list[Block]:
    """Return the fenced blocks of a page, in order."""
    text = page.read_text()
    return [
        Block(page, text.count("\n", 0, found.start("kind")) + 1, found["kind"], found["body"], found["mark"] or "")
        for found in _BLOCK.finditer(text)
    ]


def commands_of(block: Block) -> list[str]:
    """Return the commands of a shell block, without comments."""
    lines = re.sub(r"\\\n\s*", "", block.body).splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def respond(body: Mapping[str, Any]) -> Any:
    """Play a model that can multiply: with a tool, as an object, or in words."""
    if body.get("tools") or body.get("response_format"):
        return obliging(body)
    return "17 * 23 = 391. The answer is 391."


@contextlib.contextmanager
def served_models() -> Iterator["Addresses"]:
    """Serve the models of README's pool file, and LightRouter over them, on the loopback interface."""
    with RecordedModelServer(responders=dict.fromkeys(_MODELS, respond)) as models:
        pool = Pool([f"vllm:{model}@{models.base_url}" for model in _MODELS])
        listening = listen("127.0.0.1", 0)
        server = uvicorn.Server(uvicorn.Config(create_app(pool), lifespan="off", ws="none", log_config=None))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            yield Addresses(models.base_url, f"http://127.0.0.1:{listening.getsockname()[1]}")
        finally:
            server.should_exit = True
            thread.join()


@dataclass(frozen=True)
class Addresses:
    """Where the models of a pool file are, and where LightRouter is served."""

    models: str
    lightrouter: str

    def in_pool_file(self, text: str) -> str:
        """Return a pool file whose candidates are all called at the served models."""
        text = re.sub(r"@http://[^\"]+", "", re.sub(r"^base_url = .*\n", "", text, flags=re.MULTILINE))
        return re.sub(r'^(model = ".*")$', rf'\1\nbase_url = "{self.models}"', text, flags=re.MULTILINE)


@dataclass
class Player:
    """Plays the blocks of one page.

    Attributes:
        addresses: The served models.
        place: The working directory.
        names: The namespace of the Python blocks.
        printed: What the last block printed.
    """

    addresses: Addresses
    place: Path
    names: dict[str, Any] = field(default_factory=lambda: {"__name__": "page"})
    printed: str = ""

    def play(self, block: Block) -> None:
        """Run, load or compare one block."""
        plays: dict[str, Callable[[Block], None]] = {
            "python": self._python,
            "bash": self._bash,
            "toml": self._toml,
            "output": self._output,
            "json": lambda block: json.loads(block.body),
            "yaml": lambda block: yaml.safe_load(block.body),
            "text": lambda block: None,
        }
        plays[block.kind](block)

    def _python(self, block: Block) -> None:
        source = block.body.replace(_SERVED, self.addresses.lightrouter)
        code = compile(ast.increment_lineno(ast.parse(source), block.line), str(block), "exec")
        with contextlib.redirect_stdout(io.StringIO()) as out:
            exec(code, self.names)
        self.printed = out.getvalue()

    def _toml(self, block: Block) -> None:
        file = self.place / "lightrouter.toml"
        file.write_text(block.body)
        assert Pool.from_toml(file).names, block
        file.write_text(self.addresses.in_pool_file(block.body))

    def _output(self, block: Block) -> None:
        matches = doctest.OutputChecker().check_output(block.body, self.printed, _ELLIPSIS)
        assert matches, f"{block} differs from what was printed:\n{self.printed}"

    def _bash(self, block: Block) -> None:
        with contextlib.redirect_stdout(io.StringIO()) as out:
            for command in commands_of(block):
                self._run(command, block)
        self.printed = out.getvalue()

    def _run(self, command: str, block: Block) -> None:
        words = [word for word in shlex.split(command, comments=True) if not re.match(r"[A-Z_]+=", word)]
        program, *arguments = words[: words.index(">")] if ">" in words else words
        match program, arguments:
            case "lightrouter", ["serve" | "eval", *_] if arguments != ["eval", "methods"]:
                parse(typer.main.get_command(app), arguments)
            case "lightrouter", _:
                assert lightrouter(arguments) == 0, f"{block}: {command}"
            case "langgraph", _:
                with contextlib.chdir(ROOT):
                    parse(langgraph_cli.cli.cli, arguments)
            case "pip", ["install", *wanted]:
                check_requirements(wanted)
            case "make", [target, *_]:
                assert re.search(rf"(?m)^{target}:", (ROOT / "Makefile").read_text()), target
            case "curl", _:
                assert curl(arguments, self.addresses.lightrouter).is_success, command
            case "python", [script, *_] if script.endswith(".py"):
                assert (ROOT / script).exists(), script
            case _:
                assert command in {"python -m venv .venv", "source .venv/bin/activate", "pre-commit install"}, command


def parse(command: Any, arguments: list[str]) -> None:
    """Parse a command line as its program would, without running it.

    Raises:
        Exception: If a subcommand, an option or a value does not exist.
    """
    while hasattr(command, "commands"):
        name, *arguments = arguments
        command = command.commands[name]
    command.make_context(command.name, arguments)


def check_requirements(wanted: list[str]) -> None:
    """Check that each `pip install` argument is this project with extras it has, or a package that dev installs."""
    about = metadata("lightrouter-graph")
    known = {Requirement(line).name for line in about.get_all("Requires-Dist") or ()} | {"pre-commit"}
    for word in (word for word in wanted if not word.startswith("-")):
        local = re.fullmatch(r"\.(?:\[(.*)\])?", word)
        if local:
            assert set(filter(None, (local[1] or "").split(","))) <= set(about.get_all("Provides-Extra") or ()), word
        else:
            assert Requirement(word).name in known, f"{word} is in no list of pyproject.toml"


def curl(arguments: list[str], served: str) -> httpx.Response:
    """Send what a curl command would send."""
    url = next(word for word in arguments if word.startswith("http")).replace(_SERVED, served)
    if "-d" not in arguments:
        return httpx.get(url, trust_env=False)
    body = json.loads(arguments[arguments.index("-d") + 1])
    return httpx.post(url, json=body, trust_env=False, timeout=30)
