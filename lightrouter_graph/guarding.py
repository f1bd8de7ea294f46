"""What a model call tells tracers and other handlers, without keys.

LangChain hands a tracer the model as it is written down (headers and addresses included), the exception of a failed
call with its traceback, and the body and the headers of the response: providers repeat keys in all of them.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from langchain_core.callbacks import BaseCallbackHandler, BaseCallbackManager
from langchain_core.outputs import ChatGeneration, LLMResult
from langchain_core.runnables.config import ensure_config

from lightrouter_graph.failures import redact


def guarded_callbacks(secrets: Sequence[str]) -> Any:
    """Return the callbacks of the run we are in with a guard before them, to be given to a call of a model."""
    around: Any = ensure_config().get("callbacks")
    if not isinstance(around, BaseCallbackManager):
        return [KeyGuard(secrets), *(around or ())]
    manager = around.copy()
    manager.handlers = [KeyGuard(secrets), *manager.handlers]
    return manager


@contextmanager
def keys_struck(secrets: Sequence[str]) -> Iterator[None]:
    """Strike keys from what is raised inside: behind a chat model it is a step, and no guard hears of it."""
    try:
        yield
    except Exception as exc:
        strike(exc, secrets)
        raise


class KeyGuard(BaseCallbackHandler):
    """Strikes a model's keys from what is told of its calls, in place, before anybody else hears of it.

    An exception is struck where it keeps its words in `args`, as nearly all do. Its other links are cut off where they
    do not.
    """

    run_inline = True  # those that are not run beside each other, after those that are

    def __init__(self, secrets: Sequence[str]) -> None:
        self._secrets = secrets

    def on_chat_model_start(self, serialized: dict[str, Any], messages: Any, **kwargs: Any) -> None:  # noqa: ARG002
        """Strike the keys from the model as it is written down."""
        _update(serialized, self._secrets)

    def on_llm_error(self, error: BaseException, *, response: LLMResult | None = None, **kwargs: Any) -> None:  # noqa: ARG002
        """Strike the keys from what was raised, and from the response behind it."""
        strike(error, self._secrets)
        for generation in (one for some in (response.generations if response else ()) for one in some):
            if isinstance(generation, ChatGeneration):
                _update(generation.message.response_metadata, self._secrets)


def strike(error: BaseException, secrets: Sequence[str]) -> None:
    """Strike secrets from an exception and from all it came from."""
    link: BaseException | None = error
    seen: set[int] = set()  # what was raised from each other makes a circle
    while link is not None and id(link) not in seen:
        seen.add(id(link))
        link.args = tuple(_struck(value, secrets) for value in link.args)
        if notes := getattr(link, "__notes__", None):
            link.__notes__ = _struck(notes, secrets)
        before = link.__cause__ or (None if link.__suppress_context__ else link.__context__)
        if before is not None and _still_tells(before, secrets):
            link.__cause__, link.__context__, before = None, None, None
        link = before


def _still_tells(link: BaseException, secrets: Sequence[str]) -> bool:
    link.args = tuple(_struck(value, secrets) for value in link.args)
    told = f"{link!r} {link!s}"
    return redact(told, secrets) != told


def _update(told: dict[str, Any], secrets: Sequence[str]) -> None:
    told.update({name: _struck(value, secrets) for name, value in told.items()})


def _struck(value: Any, secrets: Sequence[str]) -> Any:
    if isinstance(value, str):
        return redact(value, secrets)
    if isinstance(value, dict):
        return {name: _struck(item, secrets) for name, item in value.items()}
    if isinstance(value, tuple) and hasattr(value, "_make"):  # a named one takes its parts one by one
        return type(value)(*(_struck(item, secrets) for item in value))
    if isinstance(value, list | tuple):
        return type(value)(_struck(item, secrets) for item in value)
    return value
