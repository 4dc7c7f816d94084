"""``ipa-gym list``: the shipped pipelines, traces and agents, a line each."""

from __future__ import annotations

from typing import Annotated

import typer

from ipa_gym.commands.options import AsJson


def list_content(
    kind: Annotated[str | None, typer.Argument(help="envs, traces or agents; all without it.")] = None,
    as_json: AsJson = False,
) -> None:
    """List pipelines, traces and agents, a line each.

    Any name in the list works in --env, --trace and --agent; so does a path to a card or trace of one's own.

    [b]Examples[/b]

      ipa-gym list
      ipa-gym list agents --json
    """
    from ipa_gym.benchmark.contents import contents
    from ipa_gym.commands.terminal import print_json, show
    from ipa_gym.commands.views import contents_table

    found = contents(kind)
    if as_json:
        print_json(found)
    else:
        show(*(contents_table(name, entries) for name, entries in found.items()))
