"""Pydantic schema of a chat completions request, and the fields that have no effect or are rejected.

The schema only validates: the model gets the client's own JSON, including fields that the schema does not name.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

IGNORED = frozenset(
    {
        "moderation",
        "prediction",
        "prompt_cache_options",
        "prompt_cache_retention",
    }
)
"""Fields without effect on the answer, which no candidate gets: caching and speed at one provider."""

NEUTRAL: dict[str, tuple[Any, ...]] = {
    "audio": (),
    "function_call": (),
    "functions": (),
    "logit_bias": ({},),
    "logprobs": (False,),
    "modalities": (["text"],),
    "n": (1,),
    "top_logprobs": (0,),
    "verbosity": (),
    "web_search_options": (),
}
"""Unsupported fields, each with the values besides null that have no effect and are accepted."""

HINTS = {
    "function_call": "use tool_choice",
    "functions": "use tools",
    "n": "a run returns one answer, merged from those of the candidates",
}


class _Shape(BaseModel):
    model_config = ConfigDict(strict=True, extra="allow", allow_inf_nan=False)


class _Url(_Shape):
    url: Annotated[str, Field(min_length=1)]


class _TextPart(_Shape):
    type: Literal["text"]
    text: str


class _ImagePart(_Shape):
    type: Literal["image_url"]
    image_url: _Url


class _AudioPart(_Shape):
    type: Literal["input_audio"]
    input_audio: dict[str, Any]


class _FilePart(_Shape):
    type: Literal["file"]
    file: dict[str, Any]


class _RefusalPart(_Shape):
    type: Literal["refusal"]
    refusal: str


def _as_parts(content: object) -> object:
    return [{"type": "text", "text": content}] if isinstance(content, str) else content


_Part = Annotated[_TextPart | _ImagePart | _AudioPart | _FilePart, Field(discriminator="type")]
_Content = Annotated[list[_Part], BeforeValidator(_as_parts)]
_AssistantPart = Annotated[_TextPart | _ImagePart | _AudioPart | _FilePart | _RefusalPart, Field(discriminator="type")]
_AssistantContent = Annotated[list[_AssistantPart], BeforeValidator(_as_parts)]


class _Function(_Shape):
    name: Annotated[str, Field(min_length=1)]


class _CalledFunction(_Function):
    arguments: str


class _ToolCall(_Shape):
    id: Annotated[str, Field(min_length=1)]
    type: Literal["function"] = "function"
    function: _CalledFunction


class _Instructions(_Shape):
    role: Literal["system", "developer"]
    content: _Content


class _User(_Shape):
    role: Literal["user"]
    content: _Content


class _Assistant(_Shape):
    role: Literal["assistant"]
    content: _AssistantContent | None = None
    refusal: str | None = None
    tool_calls: list[_ToolCall] | None = None
    function_call: None = None
    audio: None = None


class _ToolResult(_Shape):
    role: Literal["tool"]
    content: _Content
    tool_call_id: str


class _Tool(_Shape):
    type: Literal["function"]
    function: _Function


class _JsonSchema(_Shape):
    name: Annotated[str, Field(min_length=1)]
    schema_: Annotated[dict[str, Any], Field(alias="schema")]


class _TextFormat(_Shape):
    type: Literal["text", "json_object"]


class _SchemaFormat(_Shape):
    type: Literal["json_schema"]
    json_schema: _JsonSchema


class _StreamOptions(_Shape):
    include_usage: bool | None = None


class LightRouterFields(_Shape):
    """The field `lightrouter`: `decision` requests the decision record, all other keys are settings of `Context`."""

    decision: bool = False
    calls: dict[str, Any] | None = None
    prompts: dict[str, Any] | None = None


class Body(_Shape):
    """Body of a chat completions request."""

    model: Annotated[str, Field(min_length=1, max_length=256)]
    messages: Annotated[
        list[Annotated[_Instructions | _User | _Assistant | _ToolResult, Field(discriminator="role")]],
        Field(min_length=1),
    ]
    stream: bool | None = None
    stream_options: _StreamOptions | None = None
    tools: list[_Tool] | None = None
    tool_choice: Literal["none", "auto", "required"] | _Tool | None = None
    parallel_tool_calls: bool | None = None
    response_format: Annotated[_TextFormat | _SchemaFormat, Field(discriminator="type")] | None = None
    stop: Annotated[list[str], BeforeValidator(lambda stop: [stop] if isinstance(stop, str) else stop)] | None = None
    max_tokens: Annotated[int, Field(ge=1)] | None = None
    max_completion_tokens: Annotated[int, Field(ge=1)] | None = None
    temperature: Annotated[float, Field(ge=0, le=2)] | None = None
    top_p: Annotated[float, Field(ge=0, le=1)] | None = None
    seed: Annotated[int, Field(ge=0, lt=2**63)] | None = None
    frequency_penalty: Annotated[float, Field(ge=-2, le=2)] | None = None
    presence_penalty: Annotated[float, Field(ge=-2, le=2)] | None = None
    reasoning_effort: Annotated[str, Field(min_length=1)] | None = None
    user: str | None = None
    session_id: str | None = None
    prompt_cache_key: str | None = None
    safety_identifier: str | None = None
    metadata: dict[str, Any] | None = None
    service_tier: str | None = None
    store: bool | None = None
    lightrouter: LightRouterFields | None = None
