"""The forms in which a request can be sent to an endpoint that refuses it as it is.

A form has a name, under which a candidate remembers it and the decision record notes it. Names of the table are fixed;
for a field they are made of its name: "temperature left out".
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from langchain_core.messages import BaseMessage

from lightrouter_graph.llm import body_forms, message_forms
from lightrouter_graph.llm.message_forms import Json, Rewrite
from lightrouter_graph.llm.refusals import Refusal
from lightrouter_graph.providers.learned import ONE_ROLE_JOINED

LEFT_OUT, IN_BODY = " left out", " sent in extra_body"
STOP_LEFT_OUT, STREAM_LEFT_OUT = f"stop{LEFT_OUT}", f"stream{LEFT_OUT}"
EFFORT_KEPT = "reasoning effort not reduced"
_INNER = " of messages, tools and formats"

_WORDY = frozenset(
    {"user", "stop", "n", "store", "metadata", "stream", "prediction", "audio", "default", "title", "format", "detail"}
    | {"pattern", "examples", "minimum", "maximum", "text", "include", "reasoning", "thinking", "strict"}
)
"""Names that are words of ordinary sentences as well; they count in quotes and next to "parameter" and the like."""

_QUOTED = re.compile(r"['\"`\u2018\u201c]([\w$.\[\]-]{1,80})['\"`\u2019\u201d]")
_LABELLED = re.compile(
    r"(?:parameters?|fields?|arguments?|keys?|options?|property|properties|supplied)(?: supplied)?\W{1,3}([\w$.]{1,80})"
    r"|(?:^|[.;,:]\s)([\w$.\[\]]{1,80})(?=:| is | are | must | should | cannot | has )"
    r"|([\w$.]{1,80})(?= (?:parameters?|fields?|arguments?|mode)\b)"
)
_IN_MESSAGES = re.compile(r"\bmessages[.\[]\d")
_NAME = re.compile(r"[\w$]{1,80}")
_ALIASES = {
    "stopsequences": "stop",
    "stopwords": "stop",
    "streaming": "stream",
    "toolconfig": "toolchoice",
    "jsonmode": "responseformat",
}
_CONTINUED = re.compile(
    r"prefill|continue_final_message|add_generation_prompt|prefix|(?:last|final) (?:message|role|turn)"
    r"|(?:must|should|has to) (?:end|be) [^.]{0,40}\buser|assistant messages? [^.]{0,40}(?:last|end)"
    r"|end(?:s|ing|ed)? (?:with|in|on) [^.]{0,40}\b(?:assistant|user)\b"
)


@dataclass(frozen=True, slots=True)
class Form:
    """A form of request bodies.

    Attributes:
        name: Name in `LearnedCapabilities.forms` and in the decision record.
        words: Patterns, in lower case, that are all found in the error of an endpoint that asks for it.
        rewrite: Returns a body in this form; an equal body if the form does not apply.
    """

    name: str
    words: tuple[re.Pattern[str], ...]
    rewrite: Callable[[Json, Sequence[BaseMessage]], Json]


def _of_messages(name: str, rewrite: Rewrite, *words: str) -> Form:
    return _of_given(name, lambda messages, _: rewrite(messages), *words)


def _of_each(name: str, rewrite: Callable[[Json], Json], *words: str) -> Form:
    return _of_given(name, lambda messages, _: [rewrite(one) for one in messages], *words)


def _of_source(name: str, rewrite: Callable[[Json, BaseMessage | None], Json], *words: str) -> Form:
    def rewritten(messages: list[Json], given: Sequence[BaseMessage]) -> list[Json]:
        sources = given if len(given) == len(messages) else [None] * len(messages)
        return [rewrite(one, source) for one, source in zip(messages, sources, strict=True)]

    return _of_given(name, rewritten, *words)


def _of_given(name: str, rewrite: Callable[[list[Json], Sequence[BaseMessage]], list[Json]], *words: str) -> Form:
    def rewritten(body: Json, given: Sequence[BaseMessage]) -> Json:
        messages = body.get("messages")
        return {**body, "messages": rewrite(messages, given)} if isinstance(messages, list) else body

    return Form(name, tuple(map(re.compile, words)), rewritten)


def _of_body(name: str, rewrite: Callable[[Json], Json], *words: str) -> Form:
    return Form(name, tuple(map(re.compile, words)), lambda body, _: rewrite(body))


_CONTENT = r"\bcontents?\b|text (?:content )?blocks?|\btext\b"
_EMPTY = r"null|none|empty|blank|string|\bstr\b|required|missing|white ?space|at least|too short"
_FORMAT_FORMS = (
    _of_body(
        "response_format json_schema sent as json_object",
        body_forms.schema_as_object,
        r"response_?format|json_?schema|\bschema\b|structured",
    ),
    _of_body(
        f"response_format{LEFT_OUT}",
        body_forms.format_as_text,
        r"response_?format|json_?(?:object|mode|schema)|json mode|structured",
    ),
)
_CHOICE_FORM = _of_body("tool_choice sent as auto", body_forms.auto_choice, r"tool_?choice|tool choice|toolconfig")
_FORMS = (
    _of_source(
        "reasoning of earlier messages passed back",
        message_forms.reasoning_passed_back,
        r"reasoning|thinking",
        r"missing|must|require|expect|absent|need|without|passed back",
    ),
    _of_source("refusals sent as text", message_forms.refusal_as_text, r"refusal|content|\btypes?\b"),
    *_FORMAT_FORMS,
    _CHOICE_FORM,
    _of_each("names in letters, digits, _ and -", message_forms.valid_names, r"\bnames?\b"),
    _of_each(f"names{LEFT_OUT}", message_forms.no_names, r"\bnames?\b"),
    _of_each(
        "tool call ids of 9 letters and digits",
        message_forms.short_ids,
        r"call[_ ]?ids?\b|tool_calls\.\d+\.id\b|tool_calls\[\d+\]\.id\b|tool_?use[._]?id|\bids?\b",
        r"\btool|\bcall|function",
    ),
    _of_each(
        "text parts joined",
        message_forms.joined_text,
        _CONTENT,
        r"string|\bstr\b|sequence|array|list|\btypes?\b|invalid|part",
    ),
    _of_each("empty text parts left out", message_forms.no_empty_parts, _CONTENT, _EMPTY),
    _of_each("empty content sent as ''", message_forms.filled_content((None,), ""), _CONTENT, _EMPTY),
    _of_each("empty content sent as a space", message_forms.filled_content(("", None, []), " "), _CONTENT, _EMPTY),
    _of_each(
        "empty content sent as words", message_forms.filled_content(("", " ", None, []), "(no text)"), _CONTENT, _EMPTY
    ),
    _of_each("developer sent as system", message_forms.developer_as_system, r"developer|\broles?\b|variant|\btag"),
    _of_each(
        "tool calls and results sent as text",
        message_forms.tools_as_text,
        r"roles?\b[^.]{0,80}\btools?\b|\btools?\b[^.]{0,40}\brole|only user and assistant|tool messages? (?:is|are)",
    ),
    _of_messages(
        "system messages put first",
        message_forms.system_first,
        r"system|developer",
        r"begin|first|start|only one|single|multiple|\bone\b",
    ),
    _of_messages(
        ONE_ROLE_JOINED,
        message_forms.one_role_joined,
        r"alternat|consecutive|successive|same role|in a row|twice|adjacent|multiple (?:user|assistant)",
    ),
    _of_messages(
        "system messages put into the first user message",
        message_forms.system_folded,
        r"\bsystem\b|developer|only user and assistant|\broles?\b",
    ),
    _of_messages("user message put first", message_forms.user_first, r"\buser\b", r"first|begin|start|alternat"),
    _of_messages(
        "assistant message put after tool results",
        message_forms.assistant_after_tools,
        r"after role|after [^.]{0,20}tool|tool[^.]{0,60}followed by",
    ),
    _of_messages("user message put last", message_forms.user_last, _CONTINUED.pattern),
)
_BY_NAME = {form.name: form for form in _FORMS}
_RANKS = {form.name: rank for rank, form in enumerate(_FORMS)}
_WEAKER_FORMS = {"response_format": _FORMAT_FORMS, "tool_choice": (_CHOICE_FORM,)}
"""Fields with weaker forms that are tried before the field is left out."""


def apply_forms(names: Sequence[str], body: Json, given: Sequence[BaseMessage]) -> tuple[Json, list[str]]:
    """Return a body in the given forms, and the forms that changed it.

    Args:
        names: Names of the forms; those of the table are applied in its order, then those of single fields.
        body: The request body as the client wrote it; it is not changed.
        given: The LangChain messages that it was made of.
    """
    used: list[str] = []
    for name in sorted(names, key=lambda name: _RANKS.get(name, len(_RANKS))):
        if (changed := _rewritten(name, body, given)) != body:
            body, used = changed, [*used, name]
    return body, used


def matching_forms(refusal: Refusal, body: Json, given: Sequence[BaseMessage]) -> Iterator[str]:
    """Yield the names of the forms that a refusal asks for and that change the body, the likeliest first.

    Args:
        refusal: What the endpoint refused.
        body: The body that it refused.
        given: The LangChain messages that the body was made of.
    """
    names = [refusal.argument + IN_BODY] if refusal.argument else dict.fromkeys(_named_forms(refusal, body))
    yield from (name for name in names if name == STREAM_LEFT_OUT or _rewritten(name, body, given) != body)


def asks_for_no_continuation(refusal: Refusal) -> bool:
    """Return True if an endpoint refuses a conversation that ends with the beginning of an answer."""
    return bool(_CONTINUED.search(refusal.text))


def is_of_messages(name: str) -> bool:
    """Return True for a form of the table, which rewrites messages or weakens a field and leaves no field out."""
    return name in _BY_NAME


def left_out(names: Iterable[str]) -> list[str]:
    """Return the fields of the request that the given forms leave out."""
    return [name.removesuffix(LEFT_OUT) for name in names if name.endswith(LEFT_OUT)]


def _named_forms(refusal: Refusal, body: Json) -> Iterator[str]:
    """Yield the forms for fields in keys and quotes, those of the table, and those for fields in plain words."""
    fields = _Fields(body)
    marked = [*refusal.paths]
    if not any(path.startswith("messages") for path in marked) and not _IN_MESSAGES.search(refusal.words):
        marked += _QUOTED.findall(refusal.words)
        marked += [name for groups in _LABELLED.findall(refusal.words) for name in groups if name]
    for path in marked:
        yield from fields.forms_of(path)
    yield from (form.name for form in _FORMS if all(words.search(refusal.text) for words in form.words))
    tokens = _NAME.findall(refusal.words)
    for at in range(len(tokens)):
        for name in ("_".join(tokens[at : at + length]) for length in (3, 2, 1)):
            if name not in _WORDY:
                yield from fields.forms_of(name)


class _Fields:
    """Fields and inner keys of a body that may be left out, by names without case and underscores."""

    def __init__(self, body: Json) -> None:
        self._sent = {_plain(field): field for field in body_forms.optional_fields(body)}
        self._keys = {_plain(key): key for key in body_forms.nested_keys(body)}
        self._streamed = bool(body.get("stream"))

    def forms_of(self, path: str) -> Iterator[str]:
        """Yield the forms for one named field: without an inner key of it, weaker ones, and the field left out."""
        names = [name for name in re.split(r"[.\[\]]+", path) if name and not name.isdigit()]
        plain = [_ALIASES.get(_plain(name), _plain(name)) for name in names]
        at = next((index for index, name in enumerate(plain) if name in self._sent), None)
        root = None if at is None else self._sent[plain[at]]
        if plain[-1:] == ["stream"] and self._streamed:
            yield STREAM_LEFT_OUT
        key = next((self._keys[name] for name in reversed(plain) if name in self._keys), None)
        if key is not None and (root is None or root in _WEAKER_FORMS):
            yield f"{key}{_INNER}{LEFT_OUT}"
        if root is not None and at is not None:
            yield from (form.name for form in _WEAKER_FORMS.get(root, ()))
            yield from (
                f"{'.'.join([root, *names[at + 1 : end]])}{LEFT_OUT}" for end in range(min(len(names), at + 2), at, -1)
            )


def _plain(name: str) -> str:
    return name.lower().replace("_", "").replace("-", "")


def _rewritten(name: str, body: Json, given: Sequence[BaseMessage]) -> Json:
    if name in _BY_NAME:
        return _BY_NAME[name].rewrite(body, given)
    if name.endswith(IN_BODY):
        return body_forms.in_extra_body(body, name.removesuffix(IN_BODY))
    field = name.removesuffix(LEFT_OUT)
    if field.endswith(_INNER):
        return body_forms.without_key(body, field.removesuffix(_INNER))
    return body if field == "stream" else body_forms.without(body, field)
