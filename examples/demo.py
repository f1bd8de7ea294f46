"""`make demo`: the whole method on one machine, without a key.

Five small models race. They are recordings: questions and answers written by hand for this demo, played by a server on
loopback with the speed of real models. Everything else is real: the HTTP, the streams, the cut boots, the ranking, the
agreement, the bill.

    python examples/demo.py            both runs
    python examples/demo.py --fast     without the models' delays
"""

import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from lightrouter_graph.cli import main as lightrouter
from lightrouter_graph.testing import RecordedModelServer, Timing

DATA = Path(__file__).parent / "data" / "demo.jsonl"
QUESTION = (
    "A bakery bakes 12 trays of 8 rolls each morning. It sells three quarters of them before noon and gives half of "
    "what is left to a shelter. How many rolls remain?"
)
SPEEDS = {
    "oak": Timing(ttft_s=0.5, tokens_per_s=40),
    "elm": Timing(ttft_s=0.2, tokens_per_s=60),
    "birch": Timing(ttft_s=0.3, tokens_per_s=50),
    "ash": Timing(ttft_s=0.1, tokens_per_s=80),
    "fir": Timing(ttft_s=0.4, tokens_per_s=45),
}
PRICES = {"oak": (0.4, 1.6), "elm": (0.2, 0.8), "birch": (0.2, 0.6), "ash": (0.1, 0.4), "fir": (0.1, 0.3)}


def main(arguments: Sequence[str] | None = None) -> int:
    """Ask the same question twice: in the default, adaptive setting, and with the paper's fixed top-k."""
    fast = "--fast" in (sys.argv[1:] if arguments is None else arguments)
    with (
        RecordedModelServer(DATA, timings={} if fast else SPEEDS) as server,
        tempfile.TemporaryDirectory() as folder,
    ):
        file = Path(folder) / "demo.toml"
        file.write_text("\n".join(candidate(name, server.base_url) for name in SPEEDS))
        say("Five small models, played from recordings that were written by hand for this demo.")
        say(f"Q: {QUESTION}")
        say("1. The default: three boot together, finished answers that agree stop the run.")
        code = lightrouter(["ask", QUESTION, "--pool", str(file)])
        say("Several models cost more than one, always; what counts is what they add, and what all in full would cost.")
        say("2. The paper's fixed top-k: all five write 40 boot tokens, the best two go on, the weak are dropped.")
        fixed = ["--width", "0", "--agree", "0", "--top-k", "2", "--boot-tokens", "40", "--aggregator", "vote"]
        return code or lightrouter(["ask", QUESTION, "--pool", str(file), *fixed])


def candidate(name: str, url: str) -> str:
    """Write one candidate of the pool file."""
    price_in, price_out = PRICES[name]
    return f"""
[[candidate]]
name = "{name}"
model = "vllm:{name}@{url}"
price = {{ input = {price_in}, output = {price_out} }}
"""


def say(text: str) -> None:
    """Print one line of the demo's own."""
    Console(soft_wrap=False, highlight=False).print(f"\n{text}\n", markup=False)


if __name__ == "__main__":
    raise SystemExit(main())
