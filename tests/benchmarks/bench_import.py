"""Processor and clock time of importing `create_lightrouter`, beside LangGraph and langchain-core's messages alone.

Each import runs in a process of its own, with compiled bytecode, in turns: a busy machine slows both alike.

python tests/benchmarks/bench_import.py [rounds]
"""

import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time

PLATFORM = "import langgraph.graph, langchain_core.messages"
PACKAGE = "from lightrouter_graph import create_lightrouter"
MOST = 1.15


def seconds(source: str, bytecode: str) -> tuple[float, float]:
    """Processor and clock seconds of one process, interpreter start included."""
    environment = {**os.environ, "PYTHONPYCACHEPREFIX": bytecode, "PYTHONDONTWRITEBYTECODE": ""}
    began, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-c", source], check=True, env=environment)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return used, time.perf_counter() - began


def main(rounds: int = 11) -> int:
    with tempfile.TemporaryDirectory() as bytecode:
        sources = ("pass", PLATFORM, PACKAGE)
        for source in sources:
            seconds(source, bytecode)  # writes the bytecode
        measured = [[seconds(source, bytecode) for source in sources] for _ in range(rounds)]
    ratios = []
    print("| time | LangGraph and messages | create_lightrouter | ratio |\n|---|---|---|---|")
    for kind, name in enumerate(("processor", "clock")):
        start, platform, package = (statistics.median(run[i][kind] for run in measured) for i in range(3))
        ratios.append((package - start) / (platform - start))
        print(f"| {name} | {platform - start:.3f} s | {package - start:.3f} s | {ratios[-1]:.2f} |")
    return int(ratios[0] > MOST)


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
