"""Which seconds of a trace a benchmark plays: all of a short trace, held-out windows of a long one, or fixed ones.

Windows of a long trace are those of `ipa_gym.evaluation.windows`: always the same, of the split ``test`` where the
trace has it.
"""

from __future__ import annotations

from ipa_gym.benchmark.settings import DEFAULT_EPISODE_S, DEFAULT_N_WINDOWS, EnvironmentOptions
from ipa_gym.errors import OptionError
from ipa_gym.evaluation.windows import default_n_windows, evaluation_starts
from ipa_gym.windows import Window
from ipa_gym.workload.trace import Trace


def trace_windows(trace: Trace, options: EnvironmentOptions, n_windows: int | None) -> list[tuple[Window, ...]]:
    """The episodes that are played of a trace, in order of time, each as its (from, to) seconds.

    Args:
        n_windows: of a trace that is longer than an episode; None: 10, or as many as fit side by side. A trace that is
            no longer than an episode has one window, whatever is asked for.
    Raises: OptionError for a number below 1, beside fixed windows, or of more windows than there are.
    """
    if n_windows is not None and (n_windows < 1 or options.windows is not None):
        beside = " beside fixed windows" if options.windows is not None else ""
        raise OptionError(f"n_windows is {n_windows}{beside}; expected at least 1, or fixed windows, not both")
    if options.windows is not None:
        return [options.windows]
    split, length_s = split_name(trace, options), episode_s(trace, options)
    first, end = trace.split_range(split)
    fitting = min(DEFAULT_N_WINDOWS, default_n_windows(trace, split, length_s))
    count = 1 if end - first <= length_s else n_windows or fitting
    starts = evaluation_starts(trace, split, count, length_s).tolist()
    return [((start, start + length_s),) for start in starts]


def played_split(trace: Trace, options: EnvironmentOptions) -> str | None:
    """The split that was asked for, else ``test`` where the trace has it; None leaves it to the environment."""
    return options.split or ("test" if "test" in trace.splits else None)


def split_name(trace: Trace, options: EnvironmentOptions) -> str:
    """The split that windows are taken from: `played_split`, else what an environment takes by itself."""
    return played_split(trace, options) or ("train" if "train" in trace.splits else "all")


def episode_s(trace: Trace, options: EnvironmentOptions) -> int:
    """The episode's seconds: as asked, or 1,200, or as many whole intervals as a shorter split holds.

    Raises: OptionError for less than a second.
    """
    if options.episode_s is not None and options.episode_s < 1:
        raise OptionError(f"episode_s is {options.episode_s}; expected whole seconds, at least 1")
    if options.episode_s is not None or options.windows is not None:
        return DEFAULT_EPISODE_S if options.episode_s is None else options.episode_s
    start, stop = trace.split_range(played_split(trace, options) or "all")
    if stop - start >= DEFAULT_EPISODE_S or options.interval_s <= 0:
        return DEFAULT_EPISODE_S
    return int((stop - start) // options.interval_s * options.interval_s)
