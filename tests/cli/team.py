"""Recorded models, a pseudo-terminal, and the command line as a process."""

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PENS = "A shop sells pens at 3 for $2. How much do 18 pens cost?"
OPEN = "Compare TCP and QUIC in a few words for somebody new."
CHECK = "Answer with one word: ready"
NAMES = ("ada", "bob", "cyd")

LONG = (
    "Let us see. " + " ".join(f"Group {i} of three pens costs two dollars." for i in range(30)) + " The answer is 12."
)
TEXTS = {
    PENS: {"ada": "6 groups cost 6 * 2 = 12. The answer is 12.", "bob": LONG, "cyd": "18 * 2 = 36. The answer is 36."},
    OPEN: {name: f"{name} says: TCP is older,\nQUIC runs over UDP and saves a round trip." for name in NAMES},
    CHECK: dict.fromkeys(NAMES, "ready"),
}
RECORDS = [{"question": question, "outputs": outputs} for question, outputs in TEXTS.items()]


def command(*args: object) -> list[str]:
    """Return the command line as a list for a process."""
    # A shell lets jobs in the background, and what they start, ignore Ctrl-C: undo that.
    call = (
        "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler); "
        "from lightrouter_graph.cli import main; sys.exit(main())"
    )
    return [sys.executable, "-c", call, *map(str, args)]


class Terminal:
    """A process on a pseudo-terminal of a given width."""

    def __init__(self, process: "subprocess.Popen[bytes]", file: int) -> None:
        self.process = process
        self._file = file
        self.raw = ""

    def read_until(self, text: str) -> None:
        """Read what is drawn until a text appears."""
        while text not in self.raw:
            self._read()

    def read_all(self) -> int:
        """Read until the process ends; return its exit code."""
        while self._read():
            pass
        return self.process.wait()

    @property
    def screen(self) -> str:
        """The final screen, after cursor movement, erased and overwritten text."""
        return drawn(self.raw)

    def _read(self) -> bool:
        try:
            data = os.read(self._file, 65536)
        except OSError:  # Linux says so when the last writer has gone
            data = b""
        self.raw += data.decode()
        return bool(data)


@contextmanager
def terminal(*args: object, columns: int, cwd: Path, **env: str) -> Iterator[Terminal]:
    """Run the command line on a pseudo-terminal."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
    settings = os.environ | {"TERM": "xterm-256color"} | env
    with subprocess.Popen(command(*args), stdin=theirs, stdout=theirs, stderr=theirs, cwd=cwd, env=settings) as process:
        os.close(theirs)
        try:
            yield Terminal(process, ours)
        finally:
            process.kill()
            os.close(ours)


def drawn(raw: str) -> str:
    """Apply cursor up, erase line and carriage return; drop colors."""
    lines, row, column = [""], 0, 0
    for part in re.findall(r"\x1b\[[\d;?]*[A-Za-z]|[^\x1b]", raw):
        if part == "\n":
            row += 1
            lines += [""] * (row + 1 - len(lines))
        elif part == "\r":
            column = 0
        elif part.endswith("A") and part.startswith("\x1b"):
            row -= int(part[2:-1] or 1)
        elif part == "\x1b[2K":
            lines[row] = ""
        elif not part.startswith("\x1b"):
            lines[row] = lines[row][:column].ljust(column) + part + lines[row][column + 1 :]
            column += 1
    return "\n".join(line.rstrip() for line in lines)
