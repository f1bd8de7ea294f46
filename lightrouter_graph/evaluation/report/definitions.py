"""Definitions of the statistics in a report, one line each."""

from types import MappingProxyType

DEFINITIONS = MappingProxyType(
    {
        "quality": "mean score over the questions, 0 to 100 %; a failure scores 0.",
        "interval": "Bayesian bootstrap 95 % interval: the statistic is computed again with random weights of the "
        "questions; what a method learned from the other folds is not resampled. Percentiles: order statistics.",
        "to best single": "paired difference in quality, in points, to the candidate with the best mean score on the "
        "other folds.",
        "out tokens": "output tokens of all models per question, cancelled calls included; a boot counts once if it "
        "was continued, and in addition to the full answer if that was generated from scratch.",
        "all tokens": "output tokens and the tokens of all prompts.",
        "USD/1,000": "cost of 1,000 questions at list prices, prompts included; - if a price is unknown.",
        "calls": "model calls per question.",
        "s p50 / p95": "seconds from the question to the end of the answer, median and 95th percentile.",
        "first token": "seconds from the question to the first visible token.",
        "wrong-drop": "of the questions with a right candidate among the boots: share in which all right candidates "
        "were dropped.",
        "regret": "best score among all boots minus best score among the kept candidates, mean over the questions.",
        "none right answered": "of the questions with a right candidate in the pool: share in which no right candidate "
        "answered, because it was dropped or never queried. The regret to the pool is the same for scores.",
        "agreed but wrong": "share of all questions with two or more equal answers and a wrong returned answer.",
        "wrong when agreed": "share of wrong answers among the questions with two or more equal answers.",
        "ECE": "expected calibration error: mean difference between confidence and share of right answers over bins of "
        "confidence, weighted by their size.",
    }
)
