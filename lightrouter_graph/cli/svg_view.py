"""SVG picture of a run: the finished terminal view, for documents."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from lightrouter_graph.cli.bill_view import print_bill
from lightrouter_graph.cli.formatting import clipped, safe
from lightrouter_graph.cli.live_view import LiveView
from lightrouter_graph.errors import LightRouterError

if TYPE_CHECKING:
    from langchain_core.messages import AIMessage


class SvgView(LiveView):
    """Draws the finished terminal view of a run to an SVG file; writes nothing to the terminal.

    Args:
        file: The SVG file; overwritten if it exists.
        title: Title of the drawn window.
        width: Columns of the drawn terminal.
    """

    def __init__(self, file: Path, title: str, width: int = 100) -> None:
        super().__init__(Console(file=io.StringIO(), record=True, width=width, highlight=False))
        self._file, self._title = file, clipped(title, width - 16)

    def on_token(self, message_id: str | None, token: str) -> None:
        """Ignore tokens: `on_answer` draws the whole answer, wrapped."""

    def on_answer(self, message: AIMessage) -> None:
        """Draw the answer and the bill, then write the file.

        Args:
            message: The answer with its decision record and usage.

        Raises:
            LightRouterError: If the file cannot be written.
        """
        self._freeze("stopped")
        self._console.print(Text(f"\n\n{safe(str(message.text))}\n"))
        print_bill(self._console, message.response_metadata["lightrouter"])
        try:
            self._console.save_svg(str(self._file), title=self._title)
        except OSError as exc:
            msg = f"--svg {self._file}: cannot write the file ({exc.strerror or exc})"
            raise LightRouterError(msg) from exc
