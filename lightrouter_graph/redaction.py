"""Redacts secrets from strings, exceptions and the arguments of callback handlers.

LangChain passes to a tracer the serialized model (with headers and URLs), the exception of a failed call, and the body
and headers of the response. Providers repeat API keys in all of them.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import fields, is_dataclass
from functools import lru_cache, partial
from typing import Any, cast

from langchain_core.callbacks import BaseCallbackHandler, BaseCallbackManager
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration, LLMResult
from langchain_core.runnables.config import ensure_config
from pydantic import BaseModel, SecretBytes, SecretStr

from lightrouter_graph.secret_forms import MIN_SECRET_CHARS, known_spans

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
_HOLDS_SECRET = re.compile(r"(?i)(?:^|[-_.])(?:(?:api)?key|token|secret|password|authorization|cookie|credentials?)$")
_SPEC_KEY = "lightrouter_spec"
"""Metadata key of a model that was built from a spec: a pool file may have put a secret into any of its options."""

_MAX_DEPTH = 8
_MAX_NESTED = 50
_MAX_CHARS = 10_000
"""Characters of an exception or of a metadata value that are kept: some errors are whole HTML pages."""

_MAX_CACHED = 200
_TRUNCATED = " ... (truncated)"
_ID_FIELDS = ("id", "call_id", "name")


def redact(text: str, secrets: Iterable[str] = ()) -> str:
    """Replace known secrets, encoded, disguised or masked, and everything in the format of a secret by `***`.

    Each pattern is searched in the unchanged string and the union of the matches is replaced, so no match hides
    another. The number of scans does not depend on the text; each is linear in `len(text)`.

    A secret of at least 8 letters and digits is found in any letter case, reversed, escaped, and with any other
    characters between: spaces, line breaks, punctuation, invisible ones. Shorter ones could be ordinary words.

    Args:
        text: A string of any length.
        secrets: Secret values as returned by `secrets_of`; empty strings are skipped.

    Returns:
        The redacted string.
    """
    known = tuple(secret for secret in secrets if secret)
    spans = [found.span() for found in _SHAPED.finditer(text)]
    spans += [(found.end(1), found.end()) for found in _NAMED.finditer(text)]
    spans += known_spans(text, known) if known else ()
    kept: list[str] = []
    at = 0
    for start, end in sorted(spans):
        if start > at or not kept:
            kept += [text[at:start], "***"]
        at = max(at, end)
    return "".join([*kept, text[at:]])


def secrets_of(model: object) -> tuple[str, ...]:
    """Collect the credentials of a chat model; for one that was built from a spec also its headers and extra fields.

    Args:
        model: A chat model, embeddings model or any other object.

    Returns:
        The distinct values, longest first.
    """
    options = ("default_headers", "extra_body") if _SPEC_KEY in (getattr(model, "metadata", None) or {}) else ()
    sent = [getattr(model, option, None) for option in options]
    return _longest_first([*credentials_of(model), *(text for value in sent for text in _texts(value, _MAX_DEPTH))])


def _texts(value: object, depth: int) -> Iterator[str]:
    if isinstance(value, str):
        yield from {value, *value.split()[-1:]}  # without "Bearer"
    elif depth and isinstance(value, Mapping | list | tuple):
        for item in value.values() if isinstance(value, Mapping) else value:
            yield from _texts(item, depth - 1)


def _longest_first(found: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted({secret for secret in found if len(secret) >= MIN_SECRET_CHARS}, key=len, reverse=True))


def credentials_of(model: object) -> tuple[str, ...]:
    """Collect the secret values of a chat model, or of an object that contains models.

    Secrets are `SecretStr`s, and strings under a name such as `api_key` or `Authorization`. Searched are public and
    private fields, dicts such as `default_headers`, the client, and wrapped models.

    Args:
        model: A chat model, embeddings model or any other object.

    Returns:
        The distinct values, longest first.
    """
    return _longest_first(_held(model, _MAX_DEPTH))


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
        """Redact the serialized model and the parameters of the call."""
        _redact_values(serialized, self._secrets)
        if isinstance(parameters := kwargs.get("invocation_params"), dict):
            _redact_values(parameters, self._secrets)

    def on_llm_end(self, response: LLMResult, **kwargs: Any) -> None:  # noqa: ARG002
        """Redact what a provider puts around the text of its response."""
        self._redact_result(response)

    def on_llm_error(self, error: BaseException, *, response: LLMResult | None = None, **kwargs: Any) -> None:  # noqa: ARG002
        """Redact the exception and the metadata of the response behind it."""
        redact_exception(error, self._secrets)
        self._redact_result(response)

    def _redact_result(self, response: LLMResult | None) -> None:
        for generation in (one for some in (response.generations if response else ()) for one in some):
            if isinstance(generation, ChatGeneration):
                redact_message(generation.message, self._secrets)
                if generation.generation_info:
                    _redact_values(generation.generation_info, self._secrets)
        if response is not None and response.llm_output:
            _redact_values(response.llm_output, self._secrets)


def redact_message(message: BaseMessage, secrets: Sequence[str]) -> None:
    """Redact secrets from the metadata, ids and names of a response, in place. Its text and arguments stay.

    Args:
        message: The response of a model, or a part of a stream.
        secrets: Secret values as returned by `secrets_of`.
    """
    _redact_values(message.response_metadata, secrets)
    for field in ("id", "name"):
        value = getattr(message, field)
        if value and (redacted := _redacted(value, secrets)) != value:  # setting a field costs as much as redacting it
            setattr(message, field, redacted)
    if isinstance(message, AIMessage):
        chunks = getattr(message, "tool_call_chunks", ())
        blocks = message.content if isinstance(message.content, list) else ()
        raw = message.additional_kwargs.get("tool_calls")
        raw = raw if isinstance(raw, list) else ()
        for call in (*message.tool_calls, *message.invalid_tool_calls, *chunks, *blocks, *raw):
            if isinstance(call, dict):
                _redact_values(cast("dict[str, Any]", call), secrets, _ID_FIELDS)


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
    shown = f"{link!r} {link!s}"[: 2 * _MAX_CHARS]
    return redact(shown, secrets) != shown


def _redact_values(record: dict[str, Any], secrets: Sequence[str], names: Iterable[str] | None = None) -> None:
    """Redact the values of a record in place, all or those of some names; log-probabilities are part of the text."""
    chosen = [name for name in (record if names is None else names) if name in record and name != "logprobs"]
    record.update({name: _redacted(record[name], secrets) for name in chosen})


@lru_cache(maxsize=1024)
def _cached(text: str, secrets: tuple[str, ...]) -> str:
    """Redact a short value; finish reasons, model names and ids come with every chunk."""
    return redact(text, secrets)


def _redacted(value: Any, secrets: Sequence[str], depth: int = 0) -> Any:
    if isinstance(value, str):
        return _cached(value, tuple(secrets)) if len(value) <= _MAX_CACHED else _redacted_long(value, secrets)
    if not isinstance(value, dict | list | tuple):
        return value
    if depth > _MAX_NESTED:
        return "***"
    inner = partial(_redacted, secrets=secrets, depth=depth + 1)
    if isinstance(value, dict):
        return {inner(name): inner(item) for name, item in value.items()}
    items = map(inner, value)
    # A named tuple takes positional arguments.
    return type(value)(*items) if hasattr(value, "_make") else type(value)(items)


def _redacted_long(text: str, secrets: Sequence[str]) -> str:
    """Redact a text and truncate it; the end may be a part of a secret, at most six times as long by escapes."""
    redacted = redact(text[:_MAX_CHARS], secrets)
    if len(text) <= _MAX_CHARS:
        return redacted
    part = min(6 * max(map(len, secrets), default=0), _MAX_CHARS // 2)
    return f"{redacted[: len(redacted) - part]}{_TRUNCATED}"
