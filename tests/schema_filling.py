"""The least value that fits a JSON schema, filled with the facts of a question. For `obliging`."""

import re
from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]

_NUMBER = re.compile(r"(?<![\w.])-?\d+(?:\.\d+)?(?![\w%])")
_QUOTED = re.compile(r"""(?<!\w)(?:'([^']+)'|"([^"]+)"|`([^`]+)`|“([^”]+)”)(?!\w)""")
# Words in capitals inside a sentence; a state may follow a city.
_NAME = re.compile(r"(?<=[a-z,] )(?!(?:I|JSON)\b)[A-ZÀ-Þ][\w-]*(?: [A-ZÀ-Þ][\w-]*)*(?:, [A-Z]{2}\b)?")
_DENIAL = re.compile(r"\b(?:no|not|false|without|off|don't)\b", re.IGNORECASE)
_DEEP = 4
"""Below this depth arrays of objects are empty and values null where they may be: a schema can contain itself."""


@dataclass
class Facts:
    """What a question says, handed out in its order."""

    question: str
    numbers: list[float]
    texts: list[str]

    @classmethod
    def read(cls, question: str, but: list[str] | None = None) -> "Facts":
        """Find the facts of a question, `but` some texts."""
        quoted = ["".join(groups) for groups in _QUOTED.findall(question)]
        texts = [text for text in quoted or _NAME.findall(question) if text not in (but or ())]
        numbers = [float(n) if "." in n else int(n) for n in _NUMBER.findall(question)]
        return cls(question, numbers, texts)

    def take_number(self, schema: Json) -> float:
        """The next number that fits, else the least one that does."""
        if found := [number for number in self.numbers if _fits(number, schema)]:
            self.numbers.remove(found[0])
            return found[0]
        return next((number for number in _guess_numbers(schema) if _fits(number, schema)), 1)

    def take_text(self, schema: Json) -> str:
        """The next text, else the question, as long as it has to be."""
        text = self.texts.pop(0) if self.texts else self.question
        return text.ljust(schema.get("minLength", 0), ".")[: schema.get("maxLength")]

    def choose(self, values: list[Any]) -> Any:
        """The value that the question names, else the first."""
        named = (v for v in values if re.search(rf"\b{re.escape(str(v))}\b", self.question, re.IGNORECASE))
        return next(named, values[0])

    def know(self, kind: str, schema: Json) -> bool:
        """Whether there is a value of that kind that is not made up."""
        if "enum" in schema:
            return any(re.search(rf"\b{re.escape(str(v))}\b", self.question, re.IGNORECASE) for v in schema["enum"])
        if kind in ("integer", "number"):
            return any(_fits(number, schema) for number in self.numbers)
        return kind == "string" and bool(self.texts)


def fill(schema: Json, facts: Facts) -> Any:
    """Make a value that fits a schema, from the facts first."""
    return _Filler(schema, facts).fill(schema, 0)


def has_more(schema: Json, facts: Facts) -> bool:
    """Whether the facts left would fill another object without making anything up."""
    filler = _Filler(schema, facts)
    kinds = [filler.kind(schema["properties"][name]) for name in schema.get("required", ())]
    numbers = sum(kind in ("integer", "number") for kind in kinds)
    texts = kinds.count("string")
    enough = numbers <= len(facts.numbers) and texts <= len(facts.texts)
    return bool(kinds) and numbers + texts == len(kinds) and enough


@dataclass
class _Filler:
    root: Json
    facts: Facts

    def fill(self, schema: Json, depth: int) -> Any:
        if depth > _DEEP and self.may_be_null(schema):
            return None
        schema = self.resolve(schema)
        if "const" in schema:
            return schema["const"]
        if "enum" in schema:
            return self.facts.choose(schema["enum"])
        match self.kind(schema):
            case "object":
                return self.fill_object(schema, depth)
            case "array":
                return self.fill_array(schema, depth)
            case "integer" | "number":
                return self.facts.take_number(schema)
            case "boolean":
                return not _DENIAL.search(self.facts.question)
            case "null":
                return None
            case _:
                return self.facts.take_text(schema)

    def fill_object(self, schema: Json, depth: int) -> Json:
        """Required properties first: optional ones get what facts are left, and nothing made up."""
        properties, required = schema.get("properties", {}), schema.get("required", [])
        filled = {name: self.fill(properties.get(name, {}), depth + 1) for name in required}
        for name, part in properties.items():
            if name not in filled and self.facts.know(self.kind(part), self.resolve(part)):
                filled[name] = self.fill(part, depth + 1)
        return {name: filled[name] for name in (*properties, *filled) if name in filled}

    def fill_array(self, schema: Json, depth: int) -> list[Any]:
        """All facts of the items' kind, else the fewest items that fit, one if there may be."""
        item, least, most = schema.get("items", {}), schema.get("minItems", 0), schema.get("maxItems", 100)
        kind = self.kind(item)
        if kind in ("object", "array") and depth > _DEEP:
            return [self.fill(item, depth + 1) for _ in range(least)]
        items = [self.fill(item, depth + 1) for _ in range(min(most, max(1, least)))]
        while len(items) < most and "enum" not in item and self.facts.know(kind, self.resolve(item)):
            items.append(self.fill(item, depth + 1))
        return items

    def may_be_null(self, schema: Json) -> bool:
        kinds = [self.resolve(choice).get("type") for choice in (schema, *schema.get("anyOf", ()))]
        return any(kind == "null" or "null" in (kind or ()) for kind in kinds)

    def kind(self, schema: Json) -> str:
        """The type of what a schema describes, not null where it need not be."""
        schema = self.resolve(schema)
        kinds = schema.get("type", "object" if "properties" in schema else "string")
        kinds = [kinds] if isinstance(kinds, str) else kinds
        return next((kind for kind in kinds if kind != "null"), "null")

    def resolve(self, schema: Json) -> Json:
        """Follow references, join `allOf`, and take the first choice that is not null."""
        if "$ref" in schema:
            target: Any = self.root
            for step in schema["$ref"].removeprefix("#/").split("/"):
                target = target[step]
            return self.resolve(target)
        for part in schema.get("allOf", ()):
            schema = {**self.resolve(part), **schema}
        choices = schema.get("anyOf") or schema.get("oneOf")
        if not choices:
            return schema
        resolved = [self.resolve(choice) for choice in choices]
        return next((choice for choice in resolved if choice.get("type") != "null"), resolved[0])


def _fits(number: float, schema: Json) -> bool:
    whole = schema.get("type") != "integer" or float(number).is_integer()
    return (
        whole
        and schema.get("minimum", number) <= number <= schema.get("maximum", number)
        and ("exclusiveMinimum" not in schema or schema["exclusiveMinimum"] < number)
        and ("exclusiveMaximum" not in schema or number < schema["exclusiveMaximum"])
        and number % schema.get("multipleOf", number or 1) == 0
    )


def _guess_numbers(schema: Json) -> list[float]:
    low = schema.get("minimum", schema.get("exclusiveMinimum", 0))
    high = schema.get("maximum", schema.get("exclusiveMaximum", low + 2))
    step = schema.get("multipleOf", 1)
    return [1, 0, low, high, low + 1, high - 1, (low + high) / 2, step * (low // step + 1)]
