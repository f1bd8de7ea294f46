"""What each figure of a report means, in one line each."""

from types import MappingProxyType

DEFINITIONS = MappingProxyType(
    {
        "quality": "mean score over the questions, 0 to 100 %; a method that failed to answer scores 0.",
        "interval": "Bayesian bootstrap 95 % interval: questions are weighed anew at random and the figure is computed "
        "again, with what was learnt on the other folds taken as given; of percentiles, between two order statistics.",
        "to best single": "quality minus that of the one candidate with the best scores on the other folds, in points, "
        "question by question.",
        "out tokens": "tokens written by all models for one question, cancelled calls included; a boot that was "
        "continued counts once, one that was written anew counts besides.",
        "all tokens": "the same with the tokens of all prompts.",
        "USD/1,000": "cost of 1,000 questions at the listed prices, prompts included; - where a price is not known.",
        "calls": "model calls per question.",
        "s p50 / p95": "seconds from the question to the end of the answer, median and 95th percentile.",
        "first token": "seconds from the question to the first token shown.",
        "wrong-drop": "of the questions some candidate that booted had right: the share in which every right one was "
        "dropped.",
        "regret": "best score among all that booted minus best score among the kept, on average.",
        "none right answered": "share of the questions some candidate of the pool had right in which no right one "
        "answered: dropped, or never asked. The regret to the pool is the same of scores.",
        "agreed but wrong": "share of all questions in which two or more answers agreed and the method's answer was "
        "wrong.",
        "wrong when agreed": "the same as a share of the questions in which two or more answers agreed.",
        "ECE": "expected calibration error: how far confidence and share right lie apart, averaged over bins of "
        "confidence by their size.",
    }
)
