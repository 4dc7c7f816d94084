"""Statistics of runs: aggregates with bootstrap intervals, paired tests, profiles. Pure functions of numpy arrays.

Knows nothing of pipelines, agents or files. Two layouts: a table (agents, windows) in `bootstrap.py`, which
``ipa-gym evaluate`` uses, and flat `Runs` for all else, which the benchmark's league uses
(`ipa_gym/benchmark/league.py`). What each number means: docs/statistics.md.
"""

from ipa_gym.statistics.aggregates import (
    IntervalEstimate,
    Profile,
    interquartile_mean,
    iqm_estimate,
    mean_estimate,
    optimality_gap_estimate,
    score_profile,
)
from ipa_gym.statistics.bootstrap import Estimate, difference_interval, mean_interval
from ipa_gym.statistics.holm import holm
from ipa_gym.statistics.normalisation import Scale
from ipa_gym.statistics.paired import (
    probability_of_improvement,
    sign_flip_p,
    smallest_sign_flip_p,
    student_p,
    wins,
)
from ipa_gym.statistics.resampling import CONFIDENCE, N_RESAMPLES
from ipa_gym.statistics.runs import Draw, Runs, contributions, shared_runs, stratified_runs

__all__ = [
    "CONFIDENCE",
    "N_RESAMPLES",
    "Draw",
    "Estimate",
    "IntervalEstimate",
    "Profile",
    "Runs",
    "Scale",
    "contributions",
    "difference_interval",
    "holm",
    "interquartile_mean",
    "iqm_estimate",
    "mean_estimate",
    "mean_interval",
    "optimality_gap_estimate",
    "probability_of_improvement",
    "score_profile",
    "shared_runs",
    "sign_flip_p",
    "smallest_sign_flip_p",
    "stratified_runs",
    "student_p",
    "wins",
]
