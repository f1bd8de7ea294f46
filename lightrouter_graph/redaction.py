"""Redacts secrets from strings, exceptions and the arguments of callback handlers.

LangChain passes to a tracer the serialized model (with headers and URLs), the exception of a failed call, and the body
and headers of the response. Providers repeat API keys in all of them.
"""

import base64
import html
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import fields, is_dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import quote, quote_plus

from langchain_core.callbacks import BaseCallbackHandler, BaseCallbackManager
from langchain_core.outputs import ChatGeneration, LLMResult
from langchain_core.runnables.config import ensure_config
from pydantic import BaseModel, SecretBytes, SecretStr

_SHAPED = re.compile(
    r"""(?ix) \b(?:sk|pk|gsk|csk|rk|xai|hf|tgp|r8|nvapi|pplx|lsv2|gh[opsu]|github_pat|glpat)[-_][\w*.-]{6,}
      | \b(?:AIza|AKIA)[\w-]{8,}                               # the shapes provider keys have
      | (?<![\w-])eyJ[\w-]{8,}\.[\w.-]+                          # JSON web tokens
      | (?<=bearer\s)\S+ | (?<=basic\s)\S+
      | (?<=api-key:\s)\S+
      | (?<=://)[^/\s]+(?=@)                                   # user:password in an address
      | (?<=key=)[^&\s]+ | (?<=token=)[^&\s]+"""
)
_NAMED = re.compile(
    r"""(?ix) ( (?:api[-_ ]?key|access[-_ ]?token|secret|password|authorization) (?:\s(?:provided|given))?
          ["']? \s*[:=]\s* ["']? )
        (?=[^\s"',;&<>]*\d | [^\s"',;&<>]{16})               # an ordinary word has no digit
        [^\s"',;&<>]{6,}"""
)
_MASK = re.compile(r"\*{2,}|[\u2022\u25cf\u00b7]{2,}|\u2026|\.{3,}")
_MIN_SHOWN = 3
"""Fewest characters next to a mask that count as part of a secret."""

_HOLDS_SECRET = re.compile(r"(?i)(?:^|[-_.])(?:(?:api)?key|token|secret|password|authorization|cookie|credentials?)$")
_MAX_DEPTH = 8
_MIN_SECRET_CHARS = 6
"""Shorter values are placeholders such as "none", which occur in ordinary words."""


def redact(text: str, secrets: Iterable[str] = ()) -> str:
    """Replace known secrets, encoded or masked, and everything in the format of a secret by `***`.

    Each pattern is searched in the unchanged string and the union of the matches is replaced, so no match hides
    another. The number of scans does not depend on the number of secrets; each is linear in `len(text)`.

    Args:
        text: A string of any length.
        secrets: Secret values as returned by `secrets_of`; empty strings are skipped.

    Returns:
        The redacted string.
    """
    known = tuple(secret for secret in secrets if secret)
    spans = [found.span() for found in _SHAPED.finditer(text)]
    spans += [(found.end(1), found.end()) for found in _NAMED.finditer(text)]
    if known:
        spans += [found.span(1) for found in _known_forms(known).finditer(text)]
        spans += _masked(text, known)
    kept: list[str] = []
    at = 0
    for start, end in sorted(spans):
        if start > at or not kept:
            kept += [text[at:start], "***"]
        at = max(at, end)
    return "".join([*kept, text[at:]])


@lru_cache(maxsize=128)
def _known_forms(secrets: tuple[str, ...]) -> re.Pattern[str]:
    """Compile one pattern that finds the longest encoding at each index, also where two secrets overlap."""
    forms = sorted({form for secret in secrets for form in _forms(secret)}, key=len, reverse=True)
    return re.compile(f"(?=({'|'.join(map(re.escape, forms))}))")


def _masked(text: str, secrets: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Yield the spans of partly masked secrets, as in `plain-se***e-42`."""
    for mask in _MASK.finditer(text):
        for secret in secrets:
            head = _shown(secret, text[max(0, mask.start() - len(secret)) : mask.start()])
            tail = _shown(secret[::-1], text[mask.end() : mask.end() + len(secret)][::-1])
            if head or tail:
                yield mask.start() - head, mask.end() + tail


def _shown(secret: str, before: str) -> int:
    """Return the length of the secret's prefix at the end of a string; 0 if shorter than `_MIN_SHOWN`."""
    if secret[:_MIN_SHOWN] not in before:
        return 0
    shown = range(len(secret) - 1, _MIN_SHOWN - 1, -1)
    return next((number for number in shown if before.endswith(secret[:number])), 0)


def secrets_of(model: object) -> tuple[str, ...]:
    """Collect the secret values of a chat model, or of an object that contains models.

    Secrets are `SecretStr`s, and strings under a name such as `api_key` or `Authorization`. Searched are public and
    private fields, dicts such as `default_headers`, the client, and wrapped models.

    Args:
        model: A chat model, embeddings model or any other object.

    Returns:
        The distinct values, longest first.
    """
    found = {secret for secret in _held(model, _MAX_DEPTH) if len(secret) >= _MIN_SECRET_CHARS}
    return tuple(sorted(found, key=len, reverse=True))


def _held(value: object, depth: int) -> Iterator[str]:
    if isinstance(value, SecretStr):
        yield value.get_secret_value()
    elif isinstance(value, SecretBytes):
        yield value.get_secret_value().decode(errors="replace")
    elif depth and isinstance(value, list | tuple | set | frozenset):
        for item in value:
            yield from _held(item, depth - 1)
    elif depth:
        for name, item in _parts_of(value).items():
            if isinstance(item, str) and _HOLDS_SECRET.search(str(name)):
                yield from {item, *item.split()[-1:]}  # without "Bearer"
            elif not isinstance(item, str):
                yield from _held(item, depth - 1)


def _parts_of(value: object) -> Mapping[Any, Any]:
    """Return the fields of a mapping, pydantic model, dataclass or client as a dict; {} for other types."""
    if isinstance(value, Mapping):
        return value
    if isinstance(value, BaseModel):
        named = {name: getattr(value, name, None) for name in type(value).model_fields}
        return {**named, **(value.__pydantic_private__ or {})}
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name, None) for field in fields(value)}
    client = getattr(value, "__dict__", {}).get("api_key")
    return {"api_key": client} if isinstance(client, str) else {}


def _forms(secret: str) -> set[str]:
    """Return a secret in the encodings of URLs, HTML, JSON, nested JSON and headers."""
    written = {secret, quote(secret, safe=""), quote_plus(secret), html.escape(secret), repr(secret)[1:-1]}
    quoted = {json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1]}
    written |= {*quoted, *(json.dumps(once)[1:-1] for once in quoted)}
    raw = secret.encode(errors="replace")
    written |= {raw.hex(), *_in_base64(raw)}
    return written


def _in_base64(raw: bytes) -> Iterator[str]:
    """Yield the base64 of a secret at each of 3 alignments, without the characters that depend on adjacent bytes."""
    for shift in range(3):
        whole = base64.b64encode(b"\0" * shift + raw).decode()
        sure = whole[(0, 2, 3)[shift] : (shift + len(raw)) * 8 // 6]
        if len(sure) >= _MIN_SECRET_CHARS:
            yield from {sure, sure.translate(str.maketrans("+/", "-_"))}


def redacting_callbacks(secrets: Sequence[str]) -> Any:
    """Return the callbacks of the current run for one model call, with a redacting handler in front.

    Args:
        secrets: Secret values as returned by `secrets_of`.
    """
    around: Any = ensure_config().get("callbacks")
    if not isinstance(around, BaseCallbackManager):
        return [RedactingCallbackHandler(secrets), *(around or ())]
    manager = around.copy()
    manager.handlers = [RedactingCallbackHandler(secrets), *manager.handlers]
    return manager


@contextmanager
def redacted_exceptions(secrets: Sequence[str]) -> Iterator[None]:
    """Redact secrets from exceptions raised in the block. Used where no model callback handler is called."""
    try:
        yield
    except Exception as exc:
        redact_exception(exc, secrets)
        raise


class RedactingCallbackHandler(BaseCallbackHandler):
    """Redacts a model's secrets from callback arguments, in place, before other handlers receive them.

    Args:
        secrets: Secret values as returned by `secrets_of`.
    """

    run_inline = True  # inline handlers are called in order, before all other handlers

    def __init__(self, secrets: Sequence[str]) -> None:
        self._secrets = secrets

    def on_chat_model_start(self, serialized: dict[str, Any], messages: Any, **kwargs: Any) -> None:  # noqa: ARG002
        """Redact the serialized model."""
        _redact_values(serialized, self._secrets)

    def on_llm_error(self, error: BaseException, *, response: LLMResult | None = None, **kwargs: Any) -> None:  # noqa: ARG002
        """Redact the exception and the metadata of the response behind it."""
        redact_exception(error, self._secrets)
        for generation in (one for some in (response.generations if response else ()) for one in some):
            if isinstance(generation, ChatGeneration):
                _redact_values(generation.message.response_metadata, self._secrets)


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
        link.args = tuple(_redacted(value, secrets) for value in link.args)
        if notes := getattr(link, "__notes__", None):
            link.__notes__ = _redacted(notes, secrets)
        before = link.__cause__ or (None if link.__suppress_context__ else link.__context__)
        if before is not None and _leaks(before, secrets):
            link.__cause__, link.__context__, before = None, None, None
        link = before


def _leaks(link: BaseException, secrets: Sequence[str]) -> bool:
    link.args = tuple(_redacted(value, secrets) for value in link.args)
    shown = f"{link!r} {link!s}"
    return redact(shown, secrets) != shown


def _redact_values(record: dict[str, Any], secrets: Sequence[str]) -> None:
    record.update({name: _redacted(value, secrets) for name, value in record.items()})


def _redacted(value: Any, secrets: Sequence[str]) -> Any:
    if isinstance(value, str):
        return redact(value, secrets)
    if isinstance(value, dict):
        return {name: _redacted(item, secrets) for name, item in value.items()}
    if isinstance(value, tuple) and hasattr(value, "_make"):  # a named tuple takes positional arguments
        return type(value)(*(_redacted(item, secrets) for item in value))
    if isinstance(value, list | tuple):
        return type(value)(_redacted(item, secrets) for item in value)
    return value
