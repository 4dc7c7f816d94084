"""Judging agents: played on held-out windows, all on the same requests, and compared window by window.

`play_windows` plays, `compare` says how far apart two agents are and how sure that is, `evaluate` does both for
several. Next: `windows.py`, `play.py`, `comparison.py`; the intervals are those of `ipa_gym.statistics`.
"""

from ipa_gym.evaluation.agents import AgentGroup, load_group, load_groups
from ipa_gym.evaluation.comparison import Comparison, Played, compare
from ipa_gym.evaluation.play import play_agent, play_one, play_windows, setting_of
from ipa_gym.evaluation.results import METRICS, Metric, WindowResults
from ipa_gym.evaluation.session import Evaluation, evaluate
from ipa_gym.evaluation.windows import evaluation_starts
from ipa_gym.statistics import Estimate, difference_interval, mean_interval

__all__ = [
    "METRICS",
    "AgentGroup",
    "Comparison",
    "Estimate",
    "Evaluation",
    "Metric",
    "Played",
    "WindowResults",
    "compare",
    "difference_interval",
    "evaluate",
    "evaluation_starts",
    "load_group",
    "load_groups",
    "mean_interval",
    "play_agent",
    "play_one",
    "play_windows",
    "setting_of",
]
