"""Every message this package sends to a model beside the conversation itself.

Boots and answers are untrusted: they go in as JSON strings, so that no quote, fence or role mark in them can end the
data and begin an instruction, chat-template tokens in them are broken up, and what nobody sees is spelled out.

The conversation itself is never changed: what is added comes after it as a message of its own, so that the prefix
stays byte-identical from call to call and provider prompt caches hold.
"""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from langchain_core.messages import AIMessage, AnyMessage, BaseMessage, HumanMessage, SystemMessage

from lightrouter_graph.wording import ANSWERED, AS_JSON, DRAFT, DRAFTING, JUDGE, JUDGED_DATA, REPAIR, SHARED, SYNTHESIS

_TEMPLATE_TOKEN = re.compile(
    r"""(?ix) <[|\uff5c]>? | [|\uff5c]>             # ChatML, Llama 3, Phi, Command R, Harmony, DeepSeek, Gemma 4
      | \[/?(?:INST|SYSTEM_PROMPT|(?:AVAILABLE_)?TOOLS?(?:_CALLS|_RESULTS|_CONTENT)?|ARGS|CALL_ID|THINK|[gs]?MASK)\]
      | <</?SYS>> | </?s> | <[be]os> | <[bes]op> | <(?:[be]os|pad|unk)_token> | <(?:pad|unk|mask)>
      | <(?:start|end)_of_(?:turn|role|text|image)> | <eo[ahm]> | <seed:[be]os> | <(?:extra_id|special|reserved)_\d+>
      | </?(?:think|tool_calls?|tool_response)>"""
)
_TOLD = frozenset({"text", "tool_use", "tool_call", "function_call"})
_UNSEEN = re.compile(
    # Line breaks and other controls; what has no width or turns the direction, but for the joiners of Persian, Indic
    # scripts and emoji; tags, in which a text can hide; halves of characters, which no client can send.
    "[\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff"
    "\uffa0\ufff9-\ufffb\ud800-\udfff\U000e0000-\U000e0fff]"
)
_LONGEST_REPLY = 8000
"""Characters of a judge's own reply that it is shown again."""


def with_draft(messages: Sequence[AnyMessage], draft: str | None) -> list[AnyMessage]:
    """Condition a boot or an answer on the draft of the layer before."""
    if draft is None:
        return list(messages)
    return [*messages, HumanMessage(DRAFT.format(data=_quoted(draft)))]


def with_shared_boots(messages: Sequence[AnyMessage], boots: Sequence[str]) -> list[AnyMessage]:
    """Condition a full answer on the boots of all chosen candidates."""
    if not boots:
        return list(messages)
    return [*messages, HumanMessage(SHARED.format(data=_listed(boots)))]


def judge_boots(
    messages: Sequence[AnyMessage],
    boots: Mapping[str, str],
    tools: Sequence[Mapping[str, Any]] = (),
    task: str = JUDGE,
) -> list[AnyMessage]:
    """Ask a judge for a score of each labelled boot.

    Args:
        messages: The conversation the boots answer.
        boots: Text by label, in the order in which the judge is to see them.
        tools: What the boots may call, in OpenAI's shape.
        task: What to judge by; how to read the data and to reply is said besides.
    """
    data = {
        **({"tools": [_defused(tool.get("function", tool)) for tool in tools]} if tools else {}),
        "conversation": [_turn(message) for message in messages],
        "answers": [{"label": label, "text": defuse(text)} for label, text in boots.items()],
    }
    return [SystemMessage(f"{task}\n\n{JUDGED_DATA}"), HumanMessage(_json(data, indent=1))]


def repair_judgement(asked: Sequence[AnyMessage], reply: str, problem: str, labels: Sequence[str]) -> list[AnyMessage]:
    """Ask the judge once more, saying what was wrong with its reply."""
    again = REPAIR.format(problem=problem, labels=", ".join(labels))
    return [*asked, AIMessage(_sendable(reply) or "(empty)"), HumanMessage(again)]


def merge_answers(
    messages: Sequence[AnyMessage], answers: Sequence[str], *, final: bool, task: str = SYNTHESIS
) -> list[AnyMessage]:
    """Ask an aggregator for one answer out of several, or in an inner layer for a draft out of their boots.

    Args:
        messages: The conversation the answers belong to.
        answers: Their texts, best-ranked first; no names.
        final: Whether the merged text is what the user gets.
        task: How to write the final answer.
    """
    data = _listed(answers)
    ask = f"{ANSWERED}\n\n{task}\n\n{data}" if final else DRAFTING.format(data=data)
    return [*messages, HumanMessage(ask)]


def defuse(text: str) -> str:
    """Break up chat-template tokens, which a careless server would read as the end of a turn."""
    return _TEMPLATE_TOKEN.sub(lambda found: "\u2060".join(found[0]), text)


def _defused(value: Any) -> Any:
    if isinstance(value, str):
        return defuse(value)
    if isinstance(value, Mapping):
        return {defuse(str(key)): _defused(item) for key, item in value.items()}
    return [_defused(item) for item in value] if isinstance(value, list) else value


def _quoted(text: str) -> str:
    return _json(defuse(text))


def _json(data: object, indent: int | None = None) -> str:
    """Write JSON as people read it, but escape what they would not see, and line breaks, so that each stays a line."""
    text = json.dumps(data, ensure_ascii=False, indent=indent)
    return _UNSEEN.sub(lambda found: json.dumps(found[0])[1:-1], text)


def _sendable(reply: str) -> str:
    """Return a judge's reply as a message of its own: it may repeat what a boot told it to."""
    return defuse(reply[:_LONGEST_REPLY]).encode(errors="replace").decode()


def _listed(texts: Sequence[str]) -> str:
    return "\n".join(f"{rank}. {_quoted(text)}" for rank, text in enumerate(texts, start=1))


def with_schema(messages: Sequence[AnyMessage], name: str, schema: Mapping[str, Any]) -> list[AnyMessage]:
    """Ask for JSON in words, for models whose JSON mode knows no schema.

    Args:
        messages: The conversation.
        name: What the object is called.
        schema: Its JSON schema; an empty one asks for any JSON object.
    """
    fitting = f" that fits the JSON schema of {name}:\n{_json(schema)}" if schema else "."
    return [*messages, HumanMessage(AS_JSON.format(fitting=fitting))]


def _turn(message: BaseMessage) -> dict[str, Any]:
    """One turn of the conversation as data; what is neither text nor a tool call is named, not shown."""
    text = str(message.text)
    content = message.content
    others = [] if isinstance(content, str) else [b for b in content if isinstance(b, dict)]
    marks = [f"[{block.get('type', 'block')}]" for block in others if block.get("type") not in _TOLD]
    turn: dict[str, Any] = {"role": message.type, "text": defuse(" ".join([text, *marks]).strip())}
    if isinstance(message, AIMessage) and message.tool_calls:
        turn["calls"] = [{"name": defuse(call["name"]), "args": _defused(call["args"])} for call in message.tool_calls]
    return turn
