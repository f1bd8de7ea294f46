"""Words of a text that are evidence: those that remain without boilerplate. `agreement.py` has the measurements."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import lru_cache

from lightrouter_graph.reasoning import REASONING_TAG

_Grams = frozenset[tuple[str, ...]]

_UNABLE = (
    r"i(?:(?: a|['\u2019])m (?:not|unable|just)| do(?: no|n['\u2019])t| can(?:no|['\u2019])t)\b"
    r"[^.!?;,\n]{0,200}?(?:,? but\b|,? however\b|[.!?;,\n]|\Z)"
)
# Openers and disclaimers, removed where a sentence starts. English: other languages pass unchanged.
_BOILERPLATE = (
    r"(?:certainly|sure(?: thing)?|of course|absolutely|great question|okay|ok|alright)[!,.:]",
    r"i(?:['\u2019]d| would) be (?:happy|glad) to help[^.!?\n]{0,80}[.!?]?",
    r"i hope (?:this|that) helps[^.!?\n]{0,80}[.!?]?",
    # As in: Let's solve this step by step. Let me break this down.
    r"let(?:['\u2019]s| us| me) [^.:!?\n]{0,60}?(?:step[ -]by[ -]step|\bdown)\b(?: carefully)?[.:!]?",
    # As in: To solve this problem, we first need to
    r"to (?:solve|find|determine|answer|calculate|work out) [^.,:;!?\n]{1,80}, "
    r"(?:we|you|i)(?: will|['\u2019]ll| can| must| should)?(?: first)?(?: need to| have to)?\b",
    # As in: As an AI language model, I do not know today's prices, but
    rf"as an ai(?: language)?(?: model| assistant)?,?(?: {_UNABLE})?",
    rf"i(?:['\u2019]m| am) sorry,?(?: but)?(?: {_UNABLE})?",
)
# Keys of JSON objects that prompts request as the answer format. Other objects are content and stay.
_SHELL_KEYS = "reasoning|reason|explanation|rationale|analysis|thoughts?|thinking|steps|solution|final_answer|answer"
_RESTATED_WORDS = 5  # consecutive words shared with the question that count as a restatement of it
_QUOTABLE_WORDS = 300  # a longer question contains material to quote (documents, code): shared words are evidence

# Thai, Lao, kana, han: written without spaces, so a token per character.
_UNSPACED = "\u0e00-\u0eff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"
# Strings, which `re` compiles and caches at the first use: these three take a tenth of the package's import otherwise.
_TOKEN = rf"\d+(?:,\d{{3}})*(?:\.\d+)?|[{_UNSPACED}]|[^\W\d_{_UNSPACED}]+"
_MAX_CHARS = 16_000
_MAX_PASSES = 8  # two are usual; text nested in the marks of other text needs more
_CUT = "…"  # replaces a restatement, so that the words around it do not become one
_WORD_OR_CUT = f"{_CUT}|{_TOKEN}"
_MARKS = re.compile(rf"```[\w+#-]*[ \t]*$|```|{REASONING_TAG.pattern}", re.IGNORECASE | re.MULTILINE)
_S = r"\s{0,20}"
_SHELL_KEY = re.compile(rf'(?:\{{{_S}|"?{_S},{_S}|^)"(?:{_SHELL_KEYS})"{_S}:{_S}"?', re.IGNORECASE | re.MULTILINE)
# The end of the object, or a truncation between two keys or within the second.
_SHELL_END = re.compile(rf'"?{_S}\}}{_S}\Z|"(?:{_S},{_S}(?:"\w{{0,40}}"?{_S})?)?\Z')
# Models do not double the backslash of TeX: \times and \neq contain no tab and no line break.
_ESCAPE = re.compile(r'((?:\\u[0-9a-fA-F]{4})+)|\\(?:([rt](?![a-z])|n(?!eq?\b|ot|abla|mid))|(["\\/]))')
_OPENER = rf"(?i)(?:(?<=[.!?:{_CUT}\n])|\A)(?: ?(?:{'|'.join(_BOILERPLATE)}))+"
_OPTION = re.compile(r"^[ \t]*\(?[A-Za-z][.)][ \t].*$", re.MULTILINE)


def clean(text: str, question: str = "") -> str:
    """Remove the parts of a text that are no evidence for or against it.

    These are fence markers, the JSON shell (a truncated one as well), reasoning tags, boilerplate, and spans of at
    least 5 words shared with the question (each is replaced by "…"), unless they are one of the options or the question
    is longer than 300 words. The function never makes a text longer. Of a text of more than 16,000 characters it reads
    the first and the last 8,000.

    Args:
        text: Text of a response, whole or a prefix.
        question: The question; "" to keep restatements.

    Returns:
        The rest, white space collapsed; "" if no word or number is left.

    Source: none in arXiv 2505.16221, which names boots of boilerplate as a failure and keeps them.
    """
    text, grams = _cut(text), _grams(_cut(question))
    for _ in range(_MAX_PASSES):
        rest = _clean_once(text, grams)
        if rest == text:
            break
        text = rest
    return text


def evidence(text: str, question: str = "") -> Counter[str]:
    """Count the words and numbers of a text that are evidence.

    Words shared with the `question` are kept, since removing them measured worse, unless no other words are left.

    Args:
        text: Text of a boot.
        question: Text of the last human message; "" if unknown.
    """
    return Counter(_tokens(clean(text)) if not question or clean(text, question) else ())


def informative_share(text: str, question: str = "") -> float:
    """Return the share of the words of a `text` that `clean` keeps for a `question`, 0 (uninformative) to 1.

    Args:
        text: Text of a boot.
        question: Text of the last human message; "" if unknown.

    >>> informative_share("Certainly! Let's solve this step by step:")
    0.0
    """
    return _informative_share(_cut(text), _cut(question))


@lru_cache(maxsize=256)
def _informative_share(text: str, question: str) -> float:
    before = len(_tokens(text))
    return min(len(_tokens(clean(text, question))) / before, 1.0) if before else 0.0


def _cut(text: str) -> str:
    """Return the first and the last words of a text that is too long to be a boot, so that the work is bounded."""
    return text if len(text) <= _MAX_CHARS else text[: _MAX_CHARS // 2] + text[-_MAX_CHARS // 2 :]


def _clean_once(text: str, grams: _Grams) -> str:
    text = _collapse(_MARKS.sub(" ", text))
    text = re.sub(_OPENER, " ", _collapse(_open_shell(text)))
    text = _collapse(_cut_restated(text, grams)).strip(f" \n{_CUT}")
    return text if re.search(_TOKEN, text) else ""


def _collapse(text: str) -> str:
    lines = (" ".join(line.split()) for line in text.splitlines())
    return "\n".join(line for line in lines if line)


def _open_shell(text: str) -> str:
    """Return the strings inside a JSON shell, unescaped. A parser would need the end, which is mostly missing."""
    opened, found = _SHELL_KEY.subn("\n", text)
    return _ESCAPE.sub(_unescape, _SHELL_END.sub("\n", _collapse(opened))) if found else text


def _unescape(match: re.Match[str]) -> str:
    unicode, space, literal = match.groups()
    if unicode:
        return bytes.fromhex(unicode.replace("\\u", "")).decode("utf-16-be", "replace")
    return "\n" if space else literal


def _cut_restated(text: str, grams: _Grams) -> str:
    if not grams:
        return text
    words = list(re.finditer(_WORD_OR_CUT, text))
    kept, at = [], 0
    for first, last in _restated_runs([word[0].casefold() for word in words], grams):
        kept.append(text[at : words[first].start()])
        at = words[last].end()
    return _CUT.join([*kept, text[at:]])


def _restated_runs(words: Sequence[str], grams: _Grams) -> list[tuple[int, int]]:
    """Return first and last word of each run that overlapping n-grams of the question cover."""
    runs: list[tuple[int, int]] = []
    for start, gram in enumerate(_ngrams(words)):
        if gram in grams:
            first = runs.pop()[0] if runs and start <= runs[-1][1] + 1 else start
            runs.append((first, start + _RESTATED_WORDS - 1))
    return runs


@lru_cache(maxsize=8)
def _grams(question: str) -> _Grams:
    """Return the n-grams of the question; those of answer options are left out."""
    words = [word.casefold() for word in re.findall(_TOKEN, _OPTION.sub(" ", question))]
    return frozenset(_ngrams(words)) if len(words) <= _QUOTABLE_WORDS else frozenset()


def _ngrams(words: Sequence[str]) -> Iterator[tuple[str, ...]]:
    return zip(*(words[i:] for i in range(_RESTATED_WORDS)), strict=False)


def _tokens(text: str) -> list[str]:
    return [token.casefold().replace(",", "") for token in re.findall(_TOKEN, text)]
