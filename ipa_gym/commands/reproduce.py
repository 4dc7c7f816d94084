"""``ipa-gym reproduce``: makes what README and docs claim anew, and says what no longer matches."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ipa_gym.commands import options as o

Claims = Annotated[list[str] | None, typer.Argument(metavar="[CLAIM]...", help="Which; by default all. See --list.")]
List = Annotated[bool, typer.Option("--list", help="Say what there is and how long it takes; run nothing.")]
Most = Annotated[
    float | None, typer.Option("--minutes", metavar="N", help="Leave out what takes longer than this each.")
]
Write = Annotated[bool, typer.Option("--write", help="Put tables and figures that differ into README and docs.")]
Keep = Annotated[
    Path | None, typer.Option("--keep", metavar="FOLDER", help="Keep the working copy and the logs in this new folder.")
]
ProseOnly = Annotated[bool, typer.Option("--prose", help="Compare the numbers in running text only; takes a second.")]


def reproduce(
    claims: Claims = None,
    list_only: List = False,
    minutes: Most = None,
    prose: ProseOnly = False,
    write: Write = False,
    keep: Keep = None,
    as_json: o.AsJson = False,
) -> None:
    """Make the tables and figures of README and docs anew and say which no longer match.

    Works in a checkout (docs/claims.yaml lists the claims). Each command runs in a copy of it, so that nothing is
    changed unless --write is given. Wall times, and what follows from them, may differ by the factor that the list
    allows; everything else must come out equal. Numbers in running text are compared with the tables that they are
    from. Exit code 1 if anything differs or fails.

    [b]Examples[/b]

      ipa-gym reproduce --list
      ipa-gym reproduce benchmark hindsight
      ipa-gym reproduce --minutes 10            all that takes up to ten minutes each
      ipa-gym reproduce theory --write          and put it into the docs
    """
    from ipa_gym.commands.reproduce_run import ReproduceRequest, list_claims, run_and_show

    if list_only:
        list_claims(claims or [], as_json=as_json)
        return
    request = ReproduceRequest(tuple(claims or ()), minutes=minutes, prose_only=prose, write=write, keep=keep)
    run_and_show(request, as_json=as_json)
