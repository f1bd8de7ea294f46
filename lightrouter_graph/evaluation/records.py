"""Records of an evaluation as JSON values: the lines of `results.jsonl` and the content of `summary.json`."""

from typing import Literal, NotRequired

from typing_extensions import TypedDict


class ModelCall(TypedDict):
    """One model call, recorded by the model. Times are seconds since the start of the question.

    Attributes:
        stage: "boot", "select", "generate" or "aggregate".
        output_tokens: Tokens of the response; of a cancelled call, those generated until then.
        usd: Cost; None if the price is unknown.
        first_token_s: Time of the first token; None if it is unknown or there was none.
        stopped: True if the caller cancelled the call before the response was complete.
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

    Attributes:
        text: Text of the boot; None if it is the first `characters` of the recorded output.
        finished: True if the boot is a complete answer.
        score: Score of the selector, 0 to 1; None if it was not called.
        answer: Answer key of the boot; None if there is none.
        kept: True if the candidate answered in full, or its finished boot counted as an answer.
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
    """Decision of a LightRouter run.

    Attributes:
        kept: Names of the candidates whose answers counted.
        agreed: Number of answers with the most frequent key.
        stopped: Reason why no more candidates were queried.
        merged: How the answer was merged: "vote", "synthesis", "top_ranked", "agreement" or "passthrough".
    """

    boots: list[RouteBoot]
    kept: list[str]
    selector: str | None
    agreed: int
    answered: int
    stopped: str
    merged: str


class Result(TypedDict):
    """The result of one method on one question.

    Attributes:
        score: 0 to 1; None if the answer cannot be scored.
        chosen: Name of the candidate whose output was returned; None for a merged text.
        text: Text of the answer; None if it is the recorded output of `chosen`.
        answer: Answer key of the text; None if there is none.
        confidence: The method's estimate that the answer is right, 0 to 1; None if it has none.
        usd: Cost of all calls; None if a price is unknown.
        first_token_s: Seconds from the question to the first visible token; None if not measured.
        seconds: Seconds from the question to the end of the answer; None if not measured.
        stand_in: Description of what a replay approximates; "" if every call is a recorded output.
        error: Message of a failure; "" for an answer.
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
    """A statistic with its bootstrap 95 % interval over questions."""

    value: float
    low: float
    high: float


class Bin(TypedDict):
    """One bin of a reliability diagram: mean confidence and share of right answers, 0 to 1."""

    confidence: float
    right: float
    count: int


class Calibration(TypedDict):
    """Calibration of the confidence of a method; `ece` is the expected calibration error, 0 to 1."""

    ece: Interval
    bins: list[Bin]
    count: int


class Selection(TypedDict):
    """Quality lost by the selection of a method; None if there is nothing to measure it by.

    Attributes:
        wrong_drop: Of the questions with a right candidate among the boots: share in which all right ones were dropped.
        regret: Mean of (best score among all boots - best score among the kept candidates).
        wrong_drop_pool: Of the questions with a right candidate in the pool: share in which no such candidate answered,
            because it was dropped or never queried.
        regret_pool: Mean of (best score in the pool - best score among the kept candidates).
        agreed_wrong: Share of all questions with two or more equal answers and a wrong returned answer.
        wrong_when_agreed: Share of wrong answers among the questions with two or more equal answers.
    """

    wrong_drop: Interval | None
    regret: Interval | None
    wrong_drop_pool: Interval | None
    regret_pool: Interval | None
    agreed_wrong: Interval | None
    wrong_when_agreed: Interval | None


class MethodStats(TypedDict):
    """Statistics of one method. Tokens and calls are means per question, USD per 1,000 questions.

    Attributes:
        quality: Mean score, 0 to 1; None without any score.
        total_tokens: Input and output tokens of all models.
        usd: Cost; None if a price is unknown.
        first_token_p50: Median seconds to the first visible token; p95 is the 95th percentile.
        seconds_p50: Median seconds to the end of the answer.
        against: Paired differences of quality (this method minus the other) by name of the other method.
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
    """Data, models and settings of a run; sufficient to repeat it."""

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
    """Content of `summary.json`.

    Attributes:
        methods: Statistics of each method, in the order of the table.
        findings: Sentences of the experiment on its results.
        curves: Points of each curve of the experiment, by name.
    """

    facts: RunFacts
    methods: list[MethodStats]
    findings: NotRequired[list[str]]
    curves: NotRequired[dict[str, list["Point"]]]


class Point(TypedDict):
    """One point of a curve, with `x` in the unit of the curve."""

    x: float
    y: Interval
    label: str
