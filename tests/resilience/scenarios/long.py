"""The work on what a model wrote grows no faster than its length."""

import json
from collections.abc import Iterator

from langchain_core.messages import HumanMessage
from resilience.scenarios.checks import answers
from resilience.scenarios.replies import RIGHT, say
from resilience.scenarios.scenario import ESSAY, HEALTHY, Scenario, scenario

TEMPLATES, LONG = "template-tokens", "long-replies"

TOKENS = {
    "end-of-text": "<|endoftext|>",
    "im-end": "<|im_end|>",
    "pipes": "<|x|>",
    "slash-s": "</s>",
    "turn": "<end_of_turn>",
    "eot": "<|eot_id|>",
    "underscores": "<_|_>",
    "brackets": "[/INST]",
    "mixed": "<|im_end|></s><|x|>",
    "half": "<|im_end|",
    "open": "<",
    "spaced": "<|im_end|> \n",
}

UNITS = {
    "answer-field": '"answer": "',
    "answer-is": "The answer is 1. ",
    "answer-colon": "Answer: ",
    "boxed": "\\boxed{",
    "bold": "**",
    "bold-numbers": "**1** ",
    "open-brackets": "([{<",
    "dollars": "$",
    "dashes": "- ",
    "spaces": " ",
    "newlines": "\n",
    "fences": "```json\n",
    "braces": '{"a":',
    "quotes": '"',
    "digits": "1234567890",
    "commas": "1,",
    "points": "1.",
    "equals": "1 = ",
    "think": "<think>",
    "unthink": "</think>",
    "thinking": "<think></think>",
    "commands": "\\frac{1}{",
    "hashes": "#### ",
    "tables": "|a|b|\n|-|-|\n",
    "key-like": "eyJaaaaaaaa-",
    "emoji": "✅",
    "letters": "a",
    "words": "river mill ",
    "colons": ":",
    "option-letters": "(A) ",
    "so": "So, therefore, thus, ",
    "tildes": "~~~",
}


def _templates() -> Iterator[Scenario]:
    for name, token in TOKENS.items():
        flood = token * 60
        pool = {"a": say(f"The answer is 5.{flood}", "length"), "b": HEALTHY}
        yield scenario(TEMPLATES, f"{name}-cut", pool, modes=("plain",))
    for name in ("end-of-text", "pipes", "mixed"):
        token = TOKENS[name]
        yield scenario(TEMPLATES, f"{name}-alone", say(f"{RIGHT}{token * 60}"), modes=("streamed",))
        first = {"a": say(f"{token * 60} The answer is 5."), "b": HEALTHY, "c": HEALTHY}
        yield scenario(TEMPLATES, f"{name}-first", first, answers(), modes=("plain",))
        nothing = {"a": say(token * 100), "b": HEALTHY, "c": HEALTHY}
        yield scenario(TEMPLATES, f"{name}-only", nothing, answers(), modes=("streamed",))


def _units() -> Iterator[Scenario]:
    for name, unit in UNITS.items():
        text = unit * (60_000 // len(unit))
        # The only other candidate waits for this reply: it is read, compared and, as they differ, merged.
        pool = {"a": say(text), "b": HEALTHY}
        modes = ("plain",) if len(name) % 2 else ("streamed",)
        yield scenario(LONG, name, pool, modes=modes, cpu_s=2.0)
    for name in ("answer-field", "boxed", "think", "fences", "words"):
        text = UNITS[name] * (40_000 // len(UNITS[name]))
        pool = {key: say(f"{text} {key}") for key in "ab"}
        yield scenario(LONG, f"{name}-compared", pool, question=[HumanMessage(ESSAY)], modes=("plain",), cpu_s=2.0)
        behind = {"a": say(f"{text}\n{RIGHT}"), "b": HEALTHY}
        yield scenario(LONG, f"{name}-before-the-answer", behind, answers_in_the_end, modes=("plain",), cpu_s=2.0)
    words = json.dumps({"answer": "river " * 20_000})
    yield scenario(LONG, "one-object", {"a": say(words), "b": HEALTHY, "c": HEALTHY}, answers(), modes=("plain",))


def answers_in_the_end(outcome: object) -> Iterator[str]:
    """The answer ends with the right one, whoever gives it."""
    answer = getattr(outcome, "answer", None)
    if answer is None or not str(answer.text).endswith(RIGHT):
        yield "the answer does not end with the right one"


SCENARIOS = [*_templates(), *_units()]
