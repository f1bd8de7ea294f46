"""`Settings`: base of all settings models. A wrong value is a `ContextError` of one line."""

from typing import TYPE_CHECKING, Any, ClassVar, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from lightrouter_graph.errors import ContextError, did_you_mean

POSITIVE: dict[str, Any] = {"gt": 0, "allow_inf_nan": False}
"""Limits of a finite number > 0."""


class Settings(BaseModel):
    """Base of all settings: immutable; a wrong value is a `ContextError` of one line."""

    label: ClassVar[str] = ""
    """Prefix of a field's name in an error, such as "calls."."""
    noun: ClassVar[str] = "setting"
    """What an error calls an unknown field."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    if not TYPE_CHECKING:  # type checkers know the fields

        def __init__(self, **settings: Any) -> None:
            try:
                super().__init__(**settings)
            except ValidationError as exc:
                raise ContextError("; ".join(_sentence(type(self), dict(e)) for e in exc.errors())) from None


def setting(default: Any, description: str, nodes: str = "", *, prompt: bool = False, **limits: Any) -> Any:
    """Return a pydantic field.

    Args:
        default: The default; its one home.
        description: Shown in Studio, in `--help` and in the docs.
        nodes: Names of the nodes, separated by spaces, in whose settings Studio shows it.
        prompt: Whether it is a prompt, which Studio shows in an editor.
        **limits: Limits of the value, as `pydantic.Field` takes them.
    """
    extra: Any = {"langgraph_nodes": nodes.split()} | ({"langgraph_type": "prompt"} if prompt else {})
    return Field(default=default, description=description, json_schema_extra=extra if nodes else None, **limits)


def _sentence(settings: type[BaseModel], error: dict[str, Any]) -> str:
    """Describe one validation error: the setting, its value, and what is allowed."""
    path = [str(part) for part in error["loc"]]
    name = ".".join(path)
    for part in path[:-1]:
        settings = next((kind for kind in _models_of(settings, part)), settings)
    kind = f" of {settings.__name__}" if issubclass(settings, Settings) and settings.label else ""
    if error["type"] == "extra_forbidden":
        known = [*settings.model_fields]
        noun = settings.noun if issubclass(settings, Settings) else "setting"
        return f"unknown {noun} {path[-1]!r}{kind}{did_you_mean(path[-1], known)}; known are {', '.join(known)}"
    if error["type"] == "value_error":
        return str(error["ctx"]["error"])
    what = error["msg"][0].lower() + error["msg"][1:]
    field = settings.model_fields.get(path[-1]) if path else None
    if field is not None and type(None) in get_args(field.annotation):
        what += ", or None"
    models = _models_of(settings, path[-1]) if path else []
    if models and error["type"].startswith("model"):
        what += f"; write {models[0].__name__}({next(iter(models[0].model_fields))}=...)"
    label = f"{settings.label}{name}" if issubclass(settings, Settings) and len(path) == 1 else name
    return f"{label} = {error['input']!r}: {what}"


def _models_of(settings: type[BaseModel], name: str) -> list[type[BaseModel]]:
    field = settings.model_fields.get(name)
    kinds = [] if field is None else [field.annotation, *get_args(field.annotation)]
    return [kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel)]
