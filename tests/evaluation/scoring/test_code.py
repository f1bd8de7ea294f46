"""Code that models wrote: what passes, and what hostile code gets done."""

import asyncio
import os
import socket
import tempfile
import time
from pathlib import Path

import pytest

from lightrouter_graph.errors import EvaluationError
from lightrouter_graph.evaluation.questions import Question
from lightrouter_graph.evaluation.scoring import CodeScorer
from lightrouter_graph.evaluation.scoring.code import extract_code
from lightrouter_graph.evaluation.scoring.sandbox import Limits, isolation, passes

TESTS = "assert double(2) == 4\nassert double(-1) == -2"
RIGHT = "def double(x):\n    return 2 * x"
WRONG = "def double(x):\n    return x + 2"
FUNCTION = "def test_it():\n    assert double(-1) == -2\n    done = True"
CASES = """
import unittest
class Doubles(unittest.TestCase):
    def test_two(self):
        self.assertEqual(double(-1), -2)
"""
SHORT = Limits(seconds=8, cpu_seconds=1)


async def run(code: str, tests: str = TESTS, limits: Limits = SHORT) -> bool:
    return await passes(code, tests, limits)


async def results(*codes: str, tests: str = TESTS) -> list[bool]:
    return list(await asyncio.gather(*(run(code, tests) for code in codes)))


# --- what passes ------------------------------------------------------------------------------------------------


async def test_code_passes_where_all_of_its_tests_do():
    assert await results(RIGHT, WRONG, "def double(x): return 4", "def triple(x): return 6") == [True] + [False] * 3


@pytest.mark.parametrize("tests", [FUNCTION, CASES])
async def test_test_functions_and_cases_are_run(tests):
    assert await asyncio.gather(run(RIGHT, tests), run(WRONG, tests)) == [True, False]


async def test_an_answer_cannot_stand_in_for_the_tests():
    own = "def test_it():\n    pass\nimport unittest\nclass Doubles(unittest.TestCase):\n    def test_two(self): pass\n"
    assert await asyncio.gather(*(run(own + WRONG, tests) for tests in (FUNCTION, CASES))) == [False, False]
    assert await asyncio.gather(*(run(own + RIGHT, tests) for tests in (FUNCTION, CASES))) == [True, True]


async def test_a_sandbox_in_which_nothing_runs_is_no_verdict_on_answers():
    scorer = CodeScorer(Limits(memory_bytes=2**20))
    with pytest.raises(EvaluationError, match="not even `one = 1` runs"):
        await scorer.score(Question("q", "Write double.", tests=TESTS), RIGHT)


async def test_code_may_use_the_standard_library_dataclasses_and_threads():
    code = f"""
import json, math, zoneinfo
from dataclasses import dataclass
from concurrent.futures import ThreadPoolExecutor
@dataclass
class Box:
    held: int
print("chatter" * 100_000)
{RIGHT}
def through_a_thread(x):
    with ThreadPoolExecutor(2) as pool:
        return pool.submit(double, Box(x).held).result()
"""
    assert await run(code, "from answer import through_a_thread\nassert through_a_thread(4) == 8")


async def test_no_more_run_at_once_than_are_let():
    slow = Question("q", "Wait.", tests="import time\ntime.sleep(0.3)")
    scorer = CodeScorer(at_once=1)
    began = time.monotonic()
    assert await asyncio.gather(scorer.score(slow, "x = 1"), scorer.score(slow, "x = 2")) == [1.0, 1.0]
    assert time.monotonic() - began >= 0.6


async def test_an_answer_is_scored_by_its_code():
    scorer = CodeScorer(SHORT)
    question = Question("q", "Write double.", tests=TESTS)
    assert await scorer.score(question, f"Here:\n```python\n{RIGHT}\n```\nUse it so:\n```python\ndouble(1)\n```") == 1.0
    assert await scorer.score(question, "I would rather not.") == 0.0
    assert await scorer.score(Question("q", "Write double."), RIGHT) is None


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("```python\nx = 1\n```", "x = 1\n"),
        ("```\nx = 1\n```", "x = 1\n"),
        ("```python\ndef f(): pass\n```\nthen\n```python\nf()\n```", "def f(): pass\n"),
        ("```python\ndef f(): pass\n```\nbetter\n```python\ndef f(): 1\n```", "def f(): 1\n"),
        ("```bash\nls\n```\n```python\nx = 1\n```", "x = 1\n"),
        ("x = 1\n", "x = 1\n"),
        ("```python\nx = '\\d'\n```", "x = '\\d'\n"),
        ("Sorry", None),
        ("```python\nx = = 1\n```", None),
        ("", None),
        ("\x00", None),
    ],
)
def test_code_is_found(text, code):
    assert extract_code(text) == code


# --- what deceives ----------------------------------------------------------------------------------------------


async def test_leaving_before_the_tests_is_no_success():
    leaves = (
        "import sys; sys.exit(0)",
        "import os; os._exit(0)",
        "raise SystemExit",
        "import os; os.kill(os.getpid(), 9)",
    )
    within = (f"def double(x):\n    {leave}" for leave in leaves)
    later = ("import atexit, os\natexit.register(os._exit, 0)\ndef double(x): return 0",)
    assert not any(await results(*leaves, *within, *later))


async def test_printing_success_is_no_success():
    code = """
import os, sys
for said in ("ok", "passed", "True", "1", "0" * 64):
    print(said, flush=True)
    for place in range(3, 64):
        try:
            os.write(place, said.encode())
        except OSError:
            pass
"""
    assert not any(await results(code, code + RIGHT))


PATCHES = (
    "import builtins\nfor name in ('exec', 'compile', 'isinstance', 'any'):\n"
    "    setattr(builtins, name, lambda *a, **k: True)",
    "import builtins\nbuiltins.any = builtins.isinstance = builtins.issubclass = lambda *a: False",
    "import builtins, types\nbuiltins.type = types.FunctionType = str",
    "import builtins\nbuiltins.AssertionError = BaseException\nbuiltins.__build_class__ = lambda *a: int",
    "import sys, os\nsys.exit = os._exit = lambda *a: None",
    "import __main__\n__main__.main = __main__.limit = __main__.run = lambda *a: None",
    "import sys\nfor name in list(sys.modules):\n"
    "    for part in list(vars(sys.modules[name])):\n"
    "        if part in ('main', 'finish', 'check', 'run_tests'):\n"
    "            setattr(sys.modules[name], part, lambda *a: None)",
    "import unittest\nunittest.TestCase.assertEqual = lambda *a: None",
    "import unittest\nunittest.TestCase.run = lambda *a: None\nunittest.TestResult.wasSuccessful = lambda s: True",
    "import unittest\nunittest.TestLoader.loadTestsFromTestCase = lambda s, c: unittest.FunctionTestCase(int)",
    "import sys\ndef skip(frame, event, arg):\n"
    "    if frame.f_code.co_filename == '<tests>' and event == 'line' and frame.f_lineno == 2:\n"
    "        frame.f_lineno = 3\n"
    "    return skip\nsys.settrace(skip)",
)


@pytest.mark.parametrize("tests", [f"{TESTS}\ndone = True", FUNCTION, CASES])
async def test_replacing_what_runs_the_tests_is_no_success(tests):
    assert not any(await results(*(f"{patch}\n{WRONG}" for patch in PATCHES), tests=tests))


# --- what takes too much ----------------------------------------------------------------------------------------


async def test_endless_loops_end():
    began = time.monotonic()
    assert not await run("while True: pass")
    assert not await run("import time; time.sleep(1000)", limits=Limits(seconds=1))
    assert time.monotonic() - began < 15


async def test_memory_files_and_output_are_limited():
    hog = "held = bytearray(200 * 2**20)"
    writes = "open('big', 'wb').write(bytes(8 * 2**20))"
    assert [await run(f"{hog}\n{RIGHT}", limits=Limits(memory_bytes=most * 2**20)) for most in (128, 512)] == [
        False,
        True,
    ]
    assert not await run(f"{writes}\n{RIGHT}")
    flood = "import os\nfor _ in range(1000):\n    for place in (1, 2):\n        os.write(place, b'x' * 65536)\n"
    assert await run(flood + RIGHT)


async def test_a_fork_bomb_is_stopped_and_nothing_of_it_is_left():
    marker = f"left-{time.time_ns()}"
    code = f"""
import os, time
made = 0
try:
    for _ in range(200):
        if os.fork() == 0:
            os.setsid()
            open('/proc/self/comm', 'w').write({marker[-15:]!r})
            time.sleep(1000)
        made += 1
except OSError:
    pass
"""
    assert await run(code, "assert 0 < made < 100", Limits(seconds=8, processes=40))
    assert await gone(marker[-15:])


def running() -> set[str]:
    names = set()
    for place in Path("/proc").glob("[0-9]*/comm"):
        try:
            names.add(place.read_text().strip())
        except OSError:  # it ended meanwhile
            continue
    return names


async def gone(name: str) -> bool:
    """Whether no process has the name any more; the kernel takes a moment to bury what was killed."""
    for _ in range(40):
        if name not in running():
            return True
        await asyncio.sleep(0.05)
    return False


async def test_what_leaves_its_session_ends_with_it():
    if "no namespaces" in isolation():
        pytest.skip(f"this machine allows {isolation()}")
    name = f"e{time.time_ns()}"[-15:]
    code = f"import os, time\nos.setsid()\nopen('/proc/self/comm', 'w').write({name!r})\ntime.sleep(1000)"
    task = asyncio.create_task(run(code, limits=Limits(seconds=2)))
    while name not in running() and not task.done():  # noqa: ASYNC110 - another process says nothing when it begins
        await asyncio.sleep(0.05)
    assert not task.done()
    assert not await task
    assert await gone(name)


async def test_a_cancelled_run_leaves_no_process():
    name = f"c{time.time_ns()}"[-15:]
    code = f"import time\nopen('/proc/self/comm', 'w').write({name!r})\ntime.sleep(1000)"
    task = asyncio.create_task(run(code))
    while name not in running() and not task.done():  # noqa: ASYNC110 - another process says nothing when it begins
        await asyncio.sleep(0.05)
    assert not task.done()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await gone(name)


# --- what is not its business -----------------------------------------------------------------------------------


async def test_it_sees_nothing_of_our_environment():
    assert os.environ.keys() - {"LC_CTYPE"}
    assert await run("import os\nseen = set(os.environ)", "assert seen <= {'LC_CTYPE'}")  # Python itself sets that


async def test_it_sees_no_secrets_of_other_processes():
    if "sees those of others" in isolation() or "no namespaces" in isolation():
        pytest.skip(f"this machine allows {isolation()}")
    code = """
import pathlib
seen = b''
for place in pathlib.Path('/proc').glob('[0-9]*/environ'):
    try:
        seen += place.read_bytes()
    except OSError:
        pass
"""
    assert await run(
        code, f"assert b'PATH=' not in seen\nassert not __import__('os').path.exists('/proc/{os.getpid()}')"
    )


async def test_it_has_no_network():
    if "no network" not in isolation():
        pytest.skip(f"this machine allows {isolation()}")
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        socket.create_connection(("127.0.0.1", port), 2).close()
        code = f"""
import socket
try:
    socket.create_connection(('127.0.0.1', {port}), 2)
    reached = True
except OSError:
    reached = False
"""
        assert await run(code, "assert not reached")


def folders() -> set[Path]:
    return set(Path(tempfile.gettempdir()).glob("answer-*"))


async def test_its_working_directory_is_empty_and_goes_away():
    code = "import os\nheld = os.listdir('.')\nopen('left', 'w').close()\nwhere = os.getcwd()"
    before = folders()
    assert await run(code, "assert held == [] and 'answer-' in where")
    # Other tests may be at work beside this one: only this answer leaves a file of that name.
    assert not [folder for folder in folders() - before if (folder / "left").exists()]


@pytest.mark.skipif(os.name == "nt" or os.geteuid() != 0, reason="only root becomes somebody else")
async def test_root_becomes_nobody():
    assert await run(
        "import os\nwho = os.getuid(), os.getgid(), os.getgroups()", "assert who[0] > 0 < who[1] and not who[2]"
    )
    assert not await run(f"open('/etc/answer', 'w')\n{RIGHT}")
