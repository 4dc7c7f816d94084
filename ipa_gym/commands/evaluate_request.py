"""What ``ipa-gym evaluate`` was asked for: an episode to watch, or agents to compare on windows, and the outputs.

Nothing runs here. Next: `evaluate_run.py` (an episode), `evaluate_paired_run.py` (windows).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ipa_gym.benchmark.settings import BenchmarkSettings, EnvironmentOptions
from ipa_gym.errors import OptionError

EPISODE_TRACE, WINDOWS_TRACE = "bursty", "twitter-like"  # without --trace


@dataclass(frozen=True, slots=True)
class EvaluateRequest:
    """The command line in its own words."""

    env: str
    trace: str | None
    agents: tuple[str, ...]
    against: tuple[str, ...]
    windows: int | None
    seed: int
    environment: EnvironmentOptions

    @property
    def on_windows(self) -> bool:
        """Whether agents are compared on windows; else one episode is watched."""
        return bool(self.against) or self.windows is not None

    def episode(self) -> BenchmarkSettings:
        """The one episode. Raises: OptionError if there are several agents."""
        if len(self.agents) > 1:
            raise OptionError(
                f"--agent names {len(self.agents)} agents ({', '.join(self.agents)}); expected one to watch, "
                "or --against or --windows to compare them"
            )
        trace = self.trace or EPISODE_TRACE
        return BenchmarkSettings((self.env,), (trace,), self.agents, (self.seed,), self.environment)


@dataclass(frozen=True, slots=True)
class Outputs:
    """What is wanted of it."""

    as_json: bool
    quiet: bool
    render: Path | None
    csv: Path | None
    records: Path | None
    chrome_trace: Path | None

    @property
    def recorded(self) -> bool:
        """Whether every request's record must be kept."""
        return self.records is not None or self.chrome_trace is not None
