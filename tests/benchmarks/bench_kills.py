"""What a SIGKILL costs: where in a run it fell, what was paid twice, and how long a result needs to be safe.

python tests/benchmarks/bench_kills.py [KILLS]
"""

import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from resilience.kills import Kill, read, run_undisturbed
from resilience.routers import SETTINGS, serving
from resilience.test_kill import kill_at_random
from resilience.zygote import Zygote

from lightrouter_graph.testing import Fail

KILLS = 40
AFTER_MS = (0, 1, 2, 5, 10, 20, 50)
ROUNDS = 10


def told(kills: Sequence[Kill]) -> str:
    """Say where the kills fell and what they cost."""
    stages = ", ".join(f"{n} {stage}" for stage, n in Counter(kill.stage for kill in kills).most_common())
    again, lost = (sum(getattr(kill, name) for kill in kills) for name in ("paid_again", "returned_and_lost"))
    hit = sum(kill.returned_and_lost > 0 for kill in kills)
    return f"{stages}; {again} calls paid twice, of which {lost} had returned (in {hit} kills)"


@contextmanager
def folder() -> Iterator[Path]:
    """Make a folder for databases."""
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


def kept_after(zygote: Zygote, seconds: float, place: Path) -> bool:
    """Whether a boot is written down so long after its reply was sent, while the other boots go on."""
    with serving("fixed") as server:
        server.failures.update({name: Fail(hang=True) for name in "bcd"})
        worker = zygote.start("fixed", server.base_url, place, [0])
        while not server.total().calls:
            time.sleep(0.0002)
        time.sleep(seconds)
        worker.kill()
    return read(place).paid.total() == 1


def main(number: int) -> None:
    """Print a line for each setting and each age of a result."""
    with Zygote() as zygote, folder() as databases:
        for setting in SETTINGS:
            (databases / setting).mkdir()
            usual = run_undisturbed(zygote, setting, databases / setting)
            print(f"{setting:9}: {told(kill_at_random(zygote, usual, number, databases / setting))}")
        for ms in AFTER_MS:
            kept = [kept_after(zygote, ms / 1000, databases / f"{ms}-{i}.sqlite") for i in range(ROUNDS)]
            print(f"killed {ms:2} ms after a reply was sent: kept in {sum(kept)} of {ROUNDS}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else KILLS)
