"""Phrasings of the problems, read from `phrasings.json`: several per form, some of each form held out of training.

``{a}`` to ``{d}`` are the numbers, ``{name}`` and ``{other}`` two children, ``{things}`` and ``{items}`` counted
things. Of ``[box|bag]`` one word is drawn; ``[maybe ]`` is drawn or left out.
"""

import json
from importlib.resources import files

_DATA = json.loads(files(__package__).joinpath("phrasings.json").read_text(encoding="utf-8"))

NAMES: tuple[str, ...] = tuple(_DATA["names"])
THINGS: tuple[str, ...] = tuple(_DATA["things"])
SEEN: dict[str, tuple[str, ...]] = {form: tuple(texts) for form, texts in _DATA["seen"].items()}
"""Phrasings of the training by form, the arithmetic expression of the numbers."""
HELD_OUT: dict[str, tuple[str, ...]] = {form: tuple(texts) for form, texts in _DATA["held_out"].items()}
"""Phrasings that training does not use, of the same words."""
