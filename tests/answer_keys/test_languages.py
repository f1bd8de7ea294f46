# ruff: noqa: RUF001 - letters of other scripts
"""Closing phrases of other languages: right answers get one key, and no other text gets one."""

import pytest

from lightrouter_graph.answer_keys import default_key
from lightrouter_graph.answer_keys.languages import PHRASES

QUESTION = "17 * 23 = ?"
CLOSINGS = {
    "de": ("Die Antwort ist 391.", "**Antwort:** 391", "Die Lösung lautet 391!", "Ergebnis: 391"),
    "fr": ("La réponse est 391.", "Réponse : 391", "La réponse finale est **391**."),
    "es": ("La respuesta es 391.", "Respuesta final: 391", "La solución es 391."),
    "pt": ("A resposta é 391.", "Resposta: 391"),
    "it": ("Sommando 340 e 51, la risposta è 391.", "Risposta finale: 391"),
    "nl": ("Het antwoord is 391.", "Antwoord: 391"),
    "pl": ("Odpowiedź to 391.", "Odpowiedź: 391"),
    "ru": ("Ответ: 391", "Итоговый ответ: 391."),
    "tr": ("Cevap: 391", "Doğru cevap 391."),
    "zh": ("17*20=340, 340+51=391。答案：391", "最终答案是391。"),
    "ja": ("答えは391です。", "答え：391"),
    "ko": ("답은 391입니다.", "정답: 391"),
    "ar": ("الإجابة هي 391.", "الجواب: 391"),
    "hi": ("उत्तर: 391", "अंतिम उत्तर 391 है।"),
}


def test_every_language_of_the_table_is_tried():
    assert CLOSINGS.keys() == PHRASES.keys()


@pytest.mark.parametrize("closing", [text for texts in CLOSINGS.values() for text in texts])
def test_a_closing_phrase_gives_the_number(closing):
    assert default_key(f"17 x 20 = 340, 17 x 3 = 51.\n\n{closing}", QUESTION) == "391"


@pytest.mark.parametrize(
    "text",
    [
        "Wir rechnen noch.\n\nDie Antwort ist nicht 391.",
        "Rechnen wir.\n\nDie Antwort ist 391 oder 392.",
        "On calcule.\n\nLa réponse est entre 391 et 400.",
        "Die Antwort ist 391.\n\nAber das muss ich noch einmal in Ruhe prüfen, denn es fehlt der Rest.",
        "我们再算一次。\n\n答案不是391。",
    ],
)
def test_what_is_no_plain_closing_answer_has_no_such_key(text):
    assert default_key(text, QUESTION) != "391"


def test_a_truncated_text_has_no_key():
    assert default_key("Zuerst 340.\n\nDie Antwort ist 39", QUESTION, finished=False) is None


@pytest.mark.parametrize("tokens", ["</s>", "<|im_end|><|endoftext|>", "<eos> ", "<end_of_turn>\n", "<|x|>" * 20])
def test_chat_template_tokens_at_the_end_do_not_matter(tokens):
    assert default_key(f"The answer is 391.{tokens}", QUESTION) == "391"
