"""What the command line shows while an agent learns: a bar where stderr is a terminal, else a line an evaluation."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ipa_gym.commands.terminal import stderr

if TYPE_CHECKING:
    from rich.console import Console

    from ipa_gym.training.progress import OnProgress, Progress

LOGGER = "ipa_gym.training"  # whose lines are shown


@contextmanager
def training_progress(title: str, *, quiet: bool = False) -> Iterator[OnProgress | None]:
    """A bar on stderr for `ProgressCallback`, or a line an evaluation where stderr is no terminal; quiet: neither."""
    console = stderr()
    if quiet:
        yield None
    elif console.is_terminal:
        with training_bar(title, console) as on_progress:
            yield on_progress
    else:
        with evaluation_lines(title):
            yield None


@contextmanager
def training_bar(title: str, console: Console) -> Iterator[Callable[[Progress], None]]:
    """A bar that is gone afterwards: steps done of all, steps/s, rewards, time left."""
    from rich.progress import BarColumn, Progress, TextColumn

    columns = (TextColumn("{task.description}"), BarColumn(bar_width=None), TextColumn("{task.fields[text]}"))
    with Progress(*columns, console=console, transient=True, expand=True) as bar:
        task = bar.add_task(title, total=None, text="")
        yield lambda now: bar.update(task, completed=now.done, total=now.total, text=progress_text(now))


def progress_text(now: Progress) -> str:
    """``120,000/1,000,000  8,012 steps/s  reward -4.21 (best -4.10)  1:50 left``."""
    parts = [f"{now.done:,}/{now.total:,}", f"{now.steps_per_s:,.0f} steps/s"]
    rewards = [] if now.reward is None else [f"reward {now.reward:.2f}"]
    rewards += [] if now.best_reward is None else [f"(best {now.best_reward:.2f})"]
    left = [] if now.left_s is None else [f"{clock(now.left_s)} left"]
    return "  ".join([*parts, *([" ".join(rewards)] if rewards else []), *left])


def clock(seconds: float) -> str:
    """``0:07``, ``1:50`` or ``2:03:04``."""
    minutes, left = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{left:02}" if hours else f"{minutes}:{left:02}"


@contextmanager
def evaluation_lines(title: str) -> Iterator[None]:
    """What training logs goes to stderr, a line an evaluation."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter(f"{title.replace('%', '%%')}: %(message)s"))
    logger = logging.getLogger(LOGGER)
    before = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(before)
