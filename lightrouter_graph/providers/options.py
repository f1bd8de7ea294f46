"""`ModelOptions`: what a pool file or a candidate may set on the model that is built from a spec."""

import re
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, field_validator

from lightrouter_graph.errors import PoolError, did_you_mean
from lightrouter_graph.providers.urls import checked_url

Word = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500)]

_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,200}")
_HEADER_VALUE = re.compile(r"[\x20-\x7e]{1,8000}")


def optional(default: str, meaning: str, **limits: Any) -> Any:
    """Declare an optional key; `default` says in words what applies without it, `meaning` what it sets."""
    return Field(None, description=meaning, json_schema_extra={"default": default}, **limits)


class ModelOptions(BaseModel):
    """Options of the model; None for the provider's default. Values of headers and of the body may be secret."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    temperature: float | None = optional("the provider's", "Sampling temperature, 0 to 2.", ge=0, le=2)
    top_p: float | None = optional("the provider's", "Nucleus sampling, above 0 to 1.", gt=0, le=1, strict=True)
    reasoning_effort: Word | None = optional(
        "the provider's", "Reasoning effort of a reasoning model; `none` switches reasoning off where possible."
    )
    base_url: Word | None = optional("the provider's", "Address of the endpoint, instead of `@http://...` in `model`.")
    api_key_env: Word | None = optional("the provider's", "Name of the environment variable that holds the key.")
    headers: dict[str, str] | None = optional("none", 'Headers of each request: `{ "X-Title" = "my app" }`.')
    extra_body: dict[str, Any] | None = optional("none", "Fields that are added to the body of each request.")

    @field_validator("base_url")
    @classmethod
    def _check_url(cls, url: str | None) -> str | None:
        return None if url is None else checked_url(url)

    @field_validator("headers")
    @classmethod
    def _check_headers(cls, headers: dict[str, str] | None) -> dict[str, str] | None:
        for name, value in (headers or {}).items():
            if not _HEADER_NAME.fullmatch(name) or not _HEADER_VALUE.fullmatch(value):
                msg = "a header has a name of letters, digits and '-', and a value of printable ASCII in one line"
                raise ValueError(msg)
        return headers

    def given(self) -> dict[str, Any]:
        """Return the options that are set, without `base_url`, which belongs to the spec."""
        return self.model_dump(include=set(ModelOptions.model_fields) - {"base_url"}, exclude_none=True)


def checked_options(where: str, options: dict[str, Any]) -> ModelOptions:
    """Validate options.

    Args:
        where: Begin of the error message.
        options: Values by name.

    Raises:
        PoolError: In one line, without the values.
    """
    try:
        return ModelOptions.model_validate(options)
    except ValidationError as exc:
        raise PoolError(f"{where}: {in_one_line(exc)}") from None


def in_one_line(exc: ValidationError, allowed: tuple[str, ...] = ()) -> str:
    """Return the problems of a validation without the values.

    Args:
        exc: The error of pydantic.
        allowed: Keys of a table, to suggest one for an unknown key.
    """
    problems = exc.errors(include_input=False, include_url=False, include_context=False)
    texts = []
    for problem in problems:
        text = problem["msg"].removeprefix("Value error, ")
        if problem["type"] == "model_type":  # `price` is the only table with fields
            text = "must be a table in USD per 1M tokens; write price = { input = 0.1, output = 0.4 }"
        if problem["type"] == "extra_forbidden":
            hint = did_you_mean(str(problem["loc"][-1]), allowed)
            text = f"unknown key{hint}; allowed: {', '.join(allowed)}"
        texts.append(f"{'.'.join(map(str, problem['loc']))}: {text}")
    return "; ".join(texts)
