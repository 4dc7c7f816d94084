"""Whole reproductions of tiny checkouts: what is run, what is compared, and that the original stays as it is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from ipa_gym.errors import CardError, OptionError, UnknownNameError
from ipa_gym.reproduction import find_checkout, load_claims, reproduce

PRINTS = "print('| a | b |'); print('|---|---|'); print('| x | 2 |')"
CLAIMS = f"""
version: "1"
runs:
  printed:
    title: a table
    command: [python, -c, "{PRINTS}"]
    minutes: 0.1
    blocks: [{{page: page.md, begin: table, from: stdout, table: 0}}]
  slow:
    title: never
    command: [python, -c, "raise SystemExit('never')"]
    minutes: 60
"""
MATCHING = "# Page\n<!-- begin: table -->\n| a | b |\n|---|---|\n| x | 2 |\n<!-- end -->\nAfter.\n"
Make = Callable[..., Path]


@pytest.fixture
def make_checkout(tmp_path: Path) -> Make:
    def make(page: str = MATCHING, claims: str = CLAIMS) -> Path:
        checkout = tmp_path / "project"
        (checkout / "docs").mkdir(parents=True)
        (checkout / "docs" / "claims.yaml").write_text(claims, encoding="utf-8")
        (checkout / "page.md").write_text(page, encoding="utf-8")
        return checkout

    return make


def test_a_table_that_comes_out_equal_matches(make_checkout: Make) -> None:
    found = reproduce(make_checkout(), ["printed"])
    assert [(o.name, o.status) for o in found.outcomes] == [("printed", "matches")]
    assert found.matches


def test_a_table_that_differs_is_named_and_the_original_stays(make_checkout: Make) -> None:
    checkout = make_checkout(MATCHING.replace("| 2 |", "| 3 |"))
    before = (checkout / "page.md").read_bytes()
    found = reproduce(checkout, ["printed"])
    (difference,) = found.outcomes[0].parts[0].differences
    assert (difference.where, difference.claimed, difference.found) == ("line 3 (x, b)", "3", "2")
    assert not found.matches
    assert (checkout / "page.md").read_bytes() == before


def test_write_puts_the_new_table_in_place(make_checkout: Make) -> None:
    checkout = make_checkout(MATCHING.replace("| 2 |", "| 3 |"))
    assert reproduce(checkout, ["printed"], write=True).written == ("page.md",)
    assert (checkout / "page.md").read_text(encoding="utf-8") == MATCHING


def test_write_keeps_what_was_changed_meanwhile_outside_of_the_block(make_checkout: Make) -> None:
    checkout = make_checkout(MATCHING.replace("| 2 |", "| 3 |"))

    def edit(_: object) -> None:
        page = checkout / "page.md"
        page.write_text(page.read_text(encoding="utf-8").replace("After.", "Changed."), encoding="utf-8")

    reproduce(checkout, ["printed"], write=True, on_start=edit)
    assert (checkout / "page.md").read_text(encoding="utf-8") == MATCHING.replace("After.", "Changed.")


def test_what_takes_too_long_is_left_out(make_checkout: Make) -> None:
    found = reproduce(make_checkout(), most_minutes=1)
    assert [outcome.name for outcome in found.outcomes] == ["printed"]


def test_a_command_that_fails_says_its_last_line(make_checkout: Make) -> None:
    found = reproduce(make_checkout(), ["slow"])
    assert found.outcomes[0].status == "failed"
    assert found.outcomes[0].reason.endswith("ended with 1: never")
    assert not found.matches


def test_what_a_run_needs_is_linked_from_beside_or_it_is_not_run(make_checkout: Make, tmp_path: Path) -> None:
    reads = "import pathlib; print(pathlib.Path('../beside/x.txt').read_text())"
    claims = f"""
version: "1"
runs:
  reads:
    title: reads what lies beside
    command: [python, -c, "{reads}"]
    minutes: 0.1
    needs: [../beside/x.txt]
    blocks: [{{page: page.md, begin: table, from: stdout}}]
"""
    checkout = make_checkout(MATCHING, claims)
    (missing,) = reproduce(checkout).outcomes
    assert (missing.status, missing.reason) == ("not run", "needs ../beside/x.txt")
    (tmp_path / "beside").mkdir()
    (tmp_path / "beside" / "x.txt").write_text("| a | b |\n|---|---|\n| x | 2 |", encoding="utf-8")
    assert reproduce(checkout).outcomes[0].status == "matches"


def test_a_kept_folder_holds_copy_and_logs(make_checkout: Make, tmp_path: Path) -> None:
    reproduce(make_checkout(), ["printed"], folder=tmp_path / "kept")
    assert (tmp_path / "kept" / "checkout" / "page.md").is_file()
    assert (tmp_path / "kept" / "printed.out").read_text(encoding="utf-8").startswith("| a | b |")


def test_a_figure_is_compared_by_the_numbers_beside_it(make_checkout: Make) -> None:
    writes = "import pathlib; pathlib.Path('new.csv').write_text('x\\\\n1.5\\\\n'); pathlib.Path('new.png').touch()"
    claims = f"""
version: "1"
runs:
  drawn:
    title: a figure
    command: [python, -c, "{writes}"]
    minutes: 0.1
    figures: [{{path: docs/old.png, from: new.png}}]
"""
    checkout = make_checkout(MATCHING, claims)
    (checkout / "docs" / "old.png").touch()
    (checkout / "docs" / "old.csv").write_text("x\n1.5\n", encoding="utf-8")
    assert reproduce(checkout).outcomes[0].status == "matches"
    (checkout / "docs" / "old.csv").write_text("x\n1.6\n", encoding="utf-8")
    (part,) = reproduce(checkout).outcomes[0].parts
    assert [(d.claimed, d.found) for d in part.differences] == [("1.6", "1.5")]


AFTER = """
version: "1"
runs:
  first:
    title: leaves a file
    command: [python, -c, "open('left.txt', 'w').write('| a | b |')"]
    minutes: 2
  second:
    title: reads it
    command: [python, -c, "print(open('left.txt').read())"]
    minutes: 0.1
    after: [first]
    blocks: [{page: page.md, begin: table, from: stdout}]
"""


def test_a_run_comes_after_those_whose_files_it_reads(make_checkout: Make) -> None:
    checkout = make_checkout(MATCHING.replace("\n|---|---|\n| x | 2 |", ""), AFTER)
    assert [(o.name, o.status) for o in reproduce(checkout, ["second"]).outcomes] == [
        ("first", "matches"),
        ("second", "matches"),
    ]
    (alone,) = reproduce(checkout, ["second"], most_minutes=1).outcomes
    assert (alone.status, alone.reason) == ("not run", "needs first")


def test_a_run_after_a_later_one_is_refused(make_checkout: Make) -> None:
    with pytest.raises(CardError, match=r"runs\.second\.after has 'third'"):
        load_claims(make_checkout(claims=AFTER.replace("after: [first]", "after: [third]")))


def test_an_unknown_claim_is_refused(make_checkout: Make) -> None:
    with pytest.raises(UnknownNameError, match="printed"):
        reproduce(make_checkout(), ["printd"])


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("title: a table", "titel: a table", r"runs\.printed\.titel"),
        ("minutes: 0.1", "minutes: 0", r"runs\.printed\.minutes"),
        ("[python, -c", "[sh, -c", "expected one of ipa-gym, python first"),
        ('version: "1"', 'version: "2"', "version"),
    ],
)
def test_a_broken_claims_file_names_the_entry(make_checkout: Make, old: str, new: str, fault: str) -> None:
    with pytest.raises(CardError, match=fault):
        load_claims(make_checkout(claims=CLAIMS.replace(old, new)))


def test_outside_of_a_checkout_there_is_nothing_to_reproduce(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="expected a checkout"):
        find_checkout(tmp_path)


def test_a_block_that_is_not_closed_is_refused(make_checkout: Make) -> None:
    page = MATCHING.replace("<!-- end -->", "<!-- begin: next -->\n<!-- end -->")
    found = reproduce(make_checkout(page), ["printed"])
    assert found.outcomes[0].status == "failed"
    assert "put them back" in found.outcomes[0].reason
