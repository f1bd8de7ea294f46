"""The records an evaluation keeps: one line of `results.jsonl` per question and method, and the summary of them.

They are `TypedDict`s of JSON values, so that a run that was killed goes on from its file and anybody can read it.
"""

from typing import Literal, NotRequired

from typing_extensions import TypedDict


class ModelCall(TypedDict):
    """One model call, as the model saw it: not what a method believes to have spent.

    `stage` is "boot", "select", "generate" or "aggregate". `began_s` and `ended_s` are seconds since the question was
    put, `first_token_s` is when its first token came, None where it is not known or never came; `stopped` says that the
    caller hung up before the reply was whole: the tokens are those written by then.
    """

    candidate: str
    stage: str
    input_tokens: int
    output_tokens: int
    usd: float | None
    began_s: float
    first_token_s: float | None
    ended_s: float
    stopped: bool


class RouteBoot(TypedDict):
    """One candidate in the last layer of a LightRouter run.

    `text` is None where it is the first `characters` of the candidate's recorded output. `score` is the selector's, 0
    to 1, None where it was not asked; `kept` says that the candidate answered in full or its finished boot counted.
    """

    candidate: str
    text: str | None
    characters: int
    tokens: int
    finished: bool
    score: float | None
    prior: float
    answer: str | None
    kept: bool
    why: str


class Route(TypedDict):
    """How LightRouter came to its answer: who booted, whose full answers counted, how many agreed, why it stopped."""

    boots: list[RouteBoot]
    kept: list[str]
    selector: str | None
    agreed: int
    answered: int
    stopped: str
    merged: str


class Result(TypedDict):
    """What one method made of one question.

    `score` is 0 to 1, None where the method's answer cannot be scored. `chosen` names the candidate whose words the
    answer is; `text` is None where it is that candidate's recorded output, word for word. `answer` is the short answer
    it is compared by. `confidence` is the method's own estimate that it is right, 0 to 1, None where it has none.
    `first_token_s` and `seconds` run from the question to the first token shown and to the end; None where a resumed
    run could not measure them. `stand_in` says what stands in for what cannot be replayed; "" for nothing.
    `error` is empty unless the method gave no answer.
    """

    question: str
    method: str
    fold: int
    category: str | None
    score: float | None
    chosen: str | None
    text: str | None
    answer: str | None
    confidence: float | None
    calls: int
    input_tokens: int
    output_tokens: int
    usd: float | None
    first_token_s: float | None
    seconds: float | None
    stand_in: str
    error: str
    route: Route | None
    spent: list[ModelCall]


class Interval(TypedDict):
    """A figure with its bootstrap 95 % interval over questions."""

    value: float
    low: float
    high: float


class Bin(TypedDict):
    """One bin of a reliability diagram: mean confidence and share right, 0 to 1."""

    confidence: float
    right: float
    count: int


class Calibration(TypedDict):
    """How far confidence can be believed. `ece` is the expected calibration error, 0 to 1."""

    ece: Interval
    bins: list[Bin]
    count: int


class Selection(TypedDict):
    """What the selection of a method cost in quality; None where it has no selection or nothing to measure it by.

    Attributes:
        wrong_drop: Share of the questions some candidate that booted had right, in which every right one was dropped.
        regret: Mean of (best score among all that booted - best score among the kept).
        wrong_drop_pool: Share of the questions some candidate of the pool had right, in which no right one answered:
            dropped by the selector, or never asked.
        regret_pool: Mean of (best score in the pool - best score among the kept).
        agreed_wrong: Share of all questions where two or more answers agreed and the method's answer was wrong.
        wrong_when_agreed: Share wrong among the questions where two or more answers agreed.
    """

    wrong_drop: Interval | None
    regret: Interval | None
    wrong_drop_pool: Interval | None
    regret_pool: Interval | None
    agreed_wrong: Interval | None
    wrong_when_agreed: Interval | None


class MethodFigures(TypedDict):
    """All figures of one method. Tokens, calls and USD are means per question; USD per 1,000 questions.

    `against` holds paired differences of quality (this method minus the other) by the other's name. Latencies are
    percentiles in seconds. `by_category` is mean quality by category.
    """

    method: str
    label: str
    stand_in: str
    count: int
    failed: int
    quality: Interval | None
    output_tokens: Interval
    total_tokens: Interval
    calls: Interval
    usd: Interval | None
    first_token_p50: Interval | None
    first_token_p95: Interval | None
    seconds_p50: Interval | None
    seconds_p95: Interval | None
    against: dict[str, Interval]
    by_category: dict[str, Interval]
    calibration: Calibration | None
    selection: Selection | None


class RunFacts(TypedDict):
    """What was run on what; enough to run it again."""

    title: str
    experiment: str
    data: str
    mode: Literal["replay", "live"]
    questions: int
    candidates: list[str]
    prices: dict[str, tuple[float, float] | None]
    scoring: str
    seed: int
    folds: int
    command: str
    version: str
    notes: list[str]


class Summary(TypedDict):
    """`summary.json`: the facts of a run and the figures of each method, in the order of the table.

    `curves` holds what an experiment draws besides the table: for each curve by name its points in order. `findings`
    are what it reads off its results, in sentences.
    """

    facts: RunFacts
    methods: list[MethodFigures]
    findings: NotRequired[list[str]]
    curves: NotRequired[dict[str, list["Point"]]]


class Point(TypedDict):
    """One point of a curve: `x` in the curve's own unit."""

    x: float
    y: Interval
    label: str
