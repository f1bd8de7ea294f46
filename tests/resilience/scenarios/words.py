"""Answers with marks behind them, in other languages, in brackets: equal answers agree, and no synthesis is paid."""

from collections.abc import Iterator

from resilience.scenarios.checks import agreed_on, asked
from resilience.scenarios.replies import RIGHT, say
from resilience.scenarios.scenario import Scenario, scenario

KIND = "answers"

FORMS = {
    "tick": "The answer is 391 ✅",
    "tick-before": "The answer is ✅ 391",
    "bold-and-tick": "The answer is **391** ✅",
    "smile": "The answer is 391 :)",
    "rocket-on-a-line": "The answer is 391.\n🚀",
    "three-marks": "The answer is 391 ✨✨✨",
    "hundred": "Answer: 391 💯",
    "check-box": "☑️ The answer is 391",
    "italian": "Sommando 340 e 51, la risposta è 391.",
    "party": "The answer is 391! 🎉",
    "angle-brackets": "The answer is <391>.",
    "boxed": "So we get \\boxed{391}.",
    "german": "17 mal 20 ist 340, 17 mal 3 ist 51, zusammen 391. Die Antwort ist 391.",
    "chinese": "17*20=340, 17*3=51, 340+51=391。答案：391",  # noqa: RUF001 - the colon of that language
    "french": "On trouve 340 + 51. La réponse est 391.",
    "spanish": "Sumamos 340 y 51. La respuesta es 391.",
    "end-token": "The answer is 391.</s>",
    "two-end-tokens": "The answer is 391.<|im_end|><|endoftext|>",
}


def _made() -> Iterator[Scenario]:
    for name, text in FORMS.items():
        pool = {"a": say(text), "b": say(RIGHT), "c": say("The answer is 42.")}
        yield scenario(KIND, name, pool, agreed_on("391"), asked(a=1, b=1, c=1), modes=("plain",))


SCENARIOS = list(_made())
