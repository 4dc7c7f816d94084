"""What README and docs claim, as values: `Run`s that make blocks and figures, and numbers in `Prose`.

Read from docs/claims.yaml of a checkout; an installed package has neither docs nor benchmarks. Nothing is run here.
Next: `running.py`, `prose.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ipa_gym.cards.yaml_reader import parse_mapping, read_text
from ipa_gym.errors import CardError, OptionError, unknown_name

CLAIMS = Path("docs") / "claims.yaml"
PROGRAMS = ("ipa-gym", "python")  # what a command may begin with
PAGE, STDOUT = "page", "stdout"  # where a block comes from, beside files


@dataclass(frozen=True, slots=True)
class Tolerance:
    """Where two numbers may differ: wall times and what follows from them."""

    within: float = 1.0  # a measured number may be so many times the other; 1: equal
    columns: tuple[str, ...] = ()  # headers of the measured columns; none: every number is measured
    ignored: tuple[str, ...] = ()  # lines with one of these texts say what machine it was and are not compared


EXACT = Tolerance()


@dataclass(frozen=True, slots=True)
class Block:
    """What stands between two markers of a page, and where a new one comes from."""

    page: str  # relative to the checkout
    begin: str  # the marker's text after "begin: "
    source: str = PAGE  # PAGE: the command writes the page; STDOUT: it prints the block; else a file that it writes
    fenced: bool = False  # the page shows it in a code block
    headings: int = 0  # how much deeper the page's headings are than the source's
    table: int | None = None  # only this Markdown table of what was printed, from 0
    tolerance: Tolerance = EXACT


@dataclass(frozen=True, slots=True)
class Picture:
    """A figure of the docs; the CSV beside it decides, where there is one."""

    path: str  # relative to the checkout
    source: str  # file that the command writes; the same path where it writes the docs' own
    tolerance: Tolerance = EXACT


@dataclass(frozen=True, slots=True)
class Run:
    """One command and what it makes."""

    name: str
    title: str
    command: tuple[str, ...]
    minutes: float  # about, on two cores
    needs: tuple[str, ...] = ()  # files or folders, relative to the checkout, without which it cannot be run
    after: tuple[str, ...] = ()  # runs whose files it reads; earlier in the list
    blocks: tuple[Block, ...] = ()
    pictures: tuple[Picture, ...] = ()


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell of a Markdown table in a block."""

    page: str
    begin: str
    row: tuple[str, ...]  # texts that stand in the row's first cells
    column: str  # header
    table: int = 0  # of the block, from 0
    number: int = 0  # of the cell, from 0: ``-4.40 ± 0.14`` has two


@dataclass(frozen=True, slots=True)
class Prose:
    """A sentence with numbers, each of which stands in a table too."""

    page: str
    text: str  # as on the page, ``{}`` for each number; spaces and line breaks count alike
    cells: tuple[Cell, ...]  # one a number


@dataclass(frozen=True, slots=True)
class Claims:
    """All of them."""

    runs: tuple[Run, ...]
    prose: tuple[Prose, ...]

    def chosen(self, names: Sequence[str]) -> tuple[Run, ...]:
        """The runs of these names and those that they come after, in the file's order; all where none is named.

        Raises: UnknownNameError.
        """
        known = [run.name for run in self.runs]
        for name in names:
            if name not in known:
                raise unknown_name("claim", name, known)
        wanted = set(names or known)
        for run in reversed(self.runs):
            wanted |= set(run.after) if run.name in wanted else set()
        return tuple(run for run in self.runs if run.name in wanted)


def find_checkout(start: Path | None = None) -> Path:
    """The checkout that a folder lies in: the nearest folder above with docs/claims.yaml.

    Args:
        start: None: where this package lies, else the working folder.
    Raises: OptionError where there is none, as for an installed wheel.
    """
    begins = [start] if start else [Path(__file__).resolve(), Path.cwd()]
    for begin in begins:
        for folder in (begin, *begin.parents):
            if (folder / CLAIMS).is_file():
                return folder
    raise OptionError(f"no {CLAIMS} above {begins[-1]}; expected a checkout of ipa-gym: docs and benchmarks are there")


def load_claims(checkout: Path) -> Claims:
    """Read a checkout's claims. Raises: CardError naming the entry."""
    path = checkout / CLAIMS
    try:
        model = _ClaimsModel.model_validate(parse_mapping(read_text(path), path))
    except ValidationError as error:
        first = max(error.errors(), key=lambda fault: fault["type"] == "extra_forbidden")  # a misspelt key goes first
        place = ".".join(str(part) for part in first["loc"])
        raise CardError(f"{path}: {place}: {first['msg']}; found {first['input']!r}") from None
    runs = tuple(_run(name, run, path) for name, run in model.runs.items())
    for index, run in enumerate(runs):
        later = [name for name in run.after if name not in [earlier.name for earlier in runs[:index]]]
        if later:
            raise CardError(f"{path}: runs.{run.name}.after has {later[0]!r}; expected runs that stand before it")
    return Claims(
        runs=runs,
        prose=tuple(_prose(entry, path) for entry in model.prose),
    )


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid")


class _MeasuredModel(_Model):
    within: Annotated[float, Field(ge=1)] = 1.0
    columns: list[str] = []
    ignored: list[str] = []


class _BlockModel(_Model):
    page: str
    begin: str
    source: str = Field(default=PAGE, alias="from")
    fenced: bool = False
    headings: int = 0
    table: int | None = None
    measured: _MeasuredModel | None = None


class _PictureModel(_Model):
    path: str
    source: str | None = Field(default=None, alias="from")
    measured: _MeasuredModel | None = None


class _RunModel(_Model):
    title: str
    command: list[str]
    minutes: Annotated[float, Field(gt=0)]
    needs: list[str] = []
    after: list[str] = []
    blocks: list[_BlockModel] = []
    figures: list[_PictureModel] = []


class _CellModel(_Model):
    page: str
    begin: str
    row: list[str]
    column: str
    table: int = 0
    number: int = 0


class _ProseModel(_Model):
    page: str
    text: str
    cells: list[_CellModel]


class _ClaimsModel(_Model):
    version: Literal["1"]
    runs: dict[str, _RunModel]
    prose: list[_ProseModel] = []


def _run(name: str, model: _RunModel, path: Path) -> Run:
    if not model.command or model.command[0] not in PROGRAMS:
        raise CardError(f"{path}: runs.{name}.command is {model.command}; expected one of {', '.join(PROGRAMS)} first")
    return Run(
        name=name,
        title=model.title,
        command=tuple(model.command),
        minutes=model.minutes,
        needs=tuple(model.needs),
        after=tuple(model.after),
        blocks=tuple(
            Block(b.page, b.begin, b.source, b.fenced, b.headings, b.table, _tolerance(b.measured))
            for b in model.blocks
        ),
        pictures=tuple(Picture(f.path, f.source or f.path, _tolerance(f.measured)) for f in model.figures),
    )


def _prose(model: _ProseModel, path: Path) -> Prose:
    if model.text.count("{}") != len(model.cells):
        raise CardError(f"{path}: prose {model.text!r} has {len(model.cells)} cells; expected one for each {{}}")
    cells: Any = (Cell(c.page, c.begin, tuple(c.row), c.column, c.table, c.number) for c in model.cells)
    return Prose(model.page, model.text, tuple(cells))


def _tolerance(model: _MeasuredModel | None) -> Tolerance:
    return EXACT if model is None else Tolerance(model.within, tuple(model.columns), tuple(model.ignored))
