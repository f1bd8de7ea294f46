# ruff: noqa: RUF001 - letters of other scripts
"""Finder of a number after the closing phrase of another language: "Die Antwort ist 391."."""

import re

from lightrouter_graph.answer_keys.canonical import is_symbolic

PHRASES = {
    "de": (r"(?:die |endgültige |meine )?(?:antwort|lösung)(?: ist| lautet| beträgt)", r"(?:antwort|lösung|ergebnis)"),
    "fr": (r"(?:la )?(?:réponse|solution)(?: finale)? est", r"réponse(?: finale)?"),
    "es": (r"(?:la )?(?:respuesta|solución)(?: final)? es", r"(?:respuesta|solución)(?: final)?"),
    "pt": (r"(?:a )?(?:resposta|solução)(?: final)? é", r"(?:resposta|solução)(?: final)?"),
    "it": (r"(?:la )?(?:risposta|soluzione)(?: finale)? è", r"(?:risposta|soluzione)(?: finale)?"),
    "nl": (r"(?:het )?antwoord is", r"(?:eindantwoord|antwoord)"),
    "pl": (r"(?:odpowiedź|odpowiedzią)(?: to| jest)", r"odpowiedź"),
    "ru": (r"ответ(?: равен)?(?: —| -)", r"(?:итоговый )?ответ"),
    "tr": (r"(?:doğru |nihai )?(?:cevap|yanıt)", r"(?:cevap|yanıt)"),
    "zh": (r"(?:最终)?答案(?:是|为)", r"(?:最终)?答案|答"),
    "ja": (r"(?:最終的な)?(?:答え|回答|解答)は", r"(?:最終)?(?:答え|回答|解答)"),
    "ko": (r"(?:최종 )?(?:정답|답)(?:은|는)", r"(?:최종 )?(?:정답|답)"),
    "ar": (r"(?:الإجابة|الجواب)(?: النهائية| النهائي)?(?: هي| هو)", r"(?:الإجابة|الجواب)(?: النهائية| النهائي)?"),
    "hi": (r"(?:अंतिम )?उत्तर", r"(?:अंतिम )?उत्तर"),
}
"""Phrases by language: one that is followed by the answer, and one that is followed by a colon and the answer."""

_SAID = "|".join(phrase for phrase, _ in PHRASES.values())
_HEADED = "|".join(phrase for _, phrase in PHRASES.values())
_MARKER = re.compile(rf"(?<!\w)(?:(?:{_SAID}) ?(?:[:：] ?)?|(?:{_HEADED})(?:\*\*|__)? ?[:：] ?)", re.IGNORECASE)
_CLOSER = re.compile(r"(?: ?(?:です|である|입니다|이다|है|dir|olur))?[.。।!！ ]{0,3}\Z")
_EMPHASIS = "*_ "
_TAIL = 300


def find_closing_number_in_any_language(text: str, question: str, *, finished: bool) -> str | None:  # noqa: ARG001
    """Find the number, letter or formula after a closing phrase of `PHRASES` in the last line; see `Finder`."""
    line = text.rstrip()[-_TAIL:].rpartition("\n")[2]
    markers = list(_MARKER.finditer(line)) if finished else []
    if not markers:
        return None
    value = _CLOSER.sub("", line[markers[-1].end() :].strip(_EMPHASIS)).strip(_EMPHASIS)
    return value if is_symbolic(value) else None
