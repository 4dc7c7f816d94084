"""The command line ``ipa-gym``: puts the commands together and turns users' errors into one line and exit code 2.

Each command is in `ipa_gym/commands/`: it parses, calls one library function and prints. Nothing heavy loads before a
command runs. Results go to stdout, progress and errors to stderr.
"""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from ipa_gym import __version__
from ipa_gym.commands import (
    benchmark,
    card,
    evaluate,
    listing,
    profile,
    report,
    reproduce,
    trace,
    train,
    train_forecaster,
    tune,
)
from ipa_gym.errors import IpaGymError


class _Terminated(SystemExit):
    """SIGTERM has come."""


class _Commands(TyperGroup):
    """Says what Ctrl-C did where the command has not said more."""

    def invoke(self, ctx: Any) -> Any:  # Any: as in typer
        """Run a command. Raises: typer.Exit with code 130, as shells have it, after Ctrl-C."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            print("ipa-gym: interrupted", file=sys.stderr)
            raise typer.Exit(130) from None


app = typer.Typer(
    cls=_Commands,
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="""Compare ways of running a multi-model inference pipeline, all on one exact queueing model.

A [b]pipeline[/b] is a chain of stages, each with model variants. Every 10 s an [b]agent[/b] chooses variant, batch size
and replicas of each stage, under the load of a [b]trace[/b].

[b]Start here[/b]

  ipa-gym list                   what there is
  ipa-gym evaluate --agent ipa   watch one agent for one episode
  ipa-gym benchmark              compare all: a table, and results/
  ipa-gym report                 the results as one page with plots and filters
  ipa-gym train --agent ppo      let an agent learn, and see whether it beats IPA
  ipa-gym COMMAND --help         what a command can do, with examples""",
)
app.command("list")(listing.list_content)
app.command("benchmark")(benchmark.benchmark)
app.command("report")(report.report)
app.command("evaluate")(evaluate.evaluate)
app.command("train")(train.train)
app.command("train-forecaster")(train_forecaster.train_forecaster)
app.command("tune")(tune.tune)
app.add_typer(trace.app, name="trace")
app.add_typer(card.app, name="card")
app.command("profile")(profile.profile)
app.command("reproduce")(reproduce.reproduce)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"ipa-gym {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and stop.")
    ] = False,
) -> None:
    pass


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line; the entry point ``ipa-gym``.

    Args:
        arguments: command and options; None: those of the process.
    """
    try:
        with _orderly_end():
            app(args=None if arguments is None else list(arguments), prog_name="ipa-gym")
    except _Terminated:
        print("ipa-gym: terminated", file=sys.stderr)
        raise
    except IpaGymError as error:
        _stop(str(error))
    except BrokenPipeError:  # whoever read our output has seen enough
        sys.stderr.close()
        sys.exit(1)
    except OSError as error:  # a full disk, a folder that cannot be made
        _stop(f"{error.filename2 or error.filename or 'file'}: {error.strerror or error}")


@contextmanager
def _orderly_end() -> Iterator[None]:
    """SIGTERM ends a command as Ctrl-C does: results that are there are written, temporary files and workers go."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def end(number: int, frame: FrameType | None) -> None:
        raise _Terminated(128 + number)  # the exit code that shells have for it

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _stop(message: str) -> None:
    print(f"ipa-gym: error: {' '.join(message.split())}", file=sys.stderr)
    sys.exit(2)


if __name__ == "__main__":
    main()
