"""Redacts secrets from exceptions and their chains."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from lightrouter_graph.redaction.strings import redact
from lightrouter_graph.redaction.values import MAX_CHARS, redacted_value


@contextmanager
def redacted_exceptions(secrets: Sequence[str]) -> Iterator[None]:
    """Redact secrets from exceptions raised in the block. Used where no model callback handler is called.

    Args:
        secrets: Secret values as returned by `secrets_of`.
    """
    try:
        yield
    except Exception as exc:
        redact_exception(exc, secrets)
        raise


def redact_exception(error: BaseException, secrets: Sequence[str]) -> None:
    """Redact secrets from an exception and its chain, in place.

    `args` and notes are redacted. A cause or context that shows a secret in another attribute is removed.

    Args:
        error: The exception; its `__cause__` and `__context__` are followed.
        secrets: Secret values as returned by `secrets_of`.
    """
    link: BaseException | None = error
    seen: set[int] = set()  # a chain of exceptions can be circular
    while link is not None and id(link) not in seen:
        seen.add(id(link))
        link.args = tuple(redacted_value(value, secrets) for value in link.args)
        if notes := getattr(link, "__notes__", None):
            link.__notes__ = redacted_value(notes, secrets)
        before = link.__cause__ or (None if link.__suppress_context__ else link.__context__)
        if before is not None and _leaks(before, secrets):
            link.__cause__, link.__context__, before = None, None, None
        link = before


def _leaks(link: BaseException, secrets: Sequence[str]) -> bool:
    link.args = tuple(redacted_value(value, secrets) for value in link.args)
    shown = f"{link!r} {link!s}"[: 2 * MAX_CHARS]
    return redact(shown, secrets) != shown
