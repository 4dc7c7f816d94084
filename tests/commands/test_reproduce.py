"""``ipa-gym reproduce``: what it prints, and its exit codes; the checkout is a tiny one."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from ipa_gym import cli
from ipa_gym.commands import reproduce_run

CLAIMS = """
version: "1"
runs:
  counted:
    title: a number
    command: [python, -c, "print('| a |'); print('|---|'); print('| 2 |')"]
    minutes: 0.1
    needs: [NEEDED]
    blocks: [{page: page.md, begin: counted, from: stdout}]
prose:
  - {page: page.md, text: "there are {} of them", cells: [{page: page.md, begin: counted, row: [], column: a}]}
"""
Output = tuple[int, str, str]
Run = Callable[..., Output]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    def call(*arguments: str, claimed: str = "2", needed: str = "page.md") -> Output:
        checkout = tmp_path / "project"
        (checkout / "docs").mkdir(parents=True, exist_ok=True)
        (checkout / "docs" / "claims.yaml").write_text(CLAIMS.replace("NEEDED", needed), encoding="utf-8")
        page = f"there are 2 of them\n<!-- begin: counted -->\n| a |\n|---|\n| {claimed} |\n<!-- end -->\n"
        (checkout / "page.md").write_text(page, encoding="utf-8")
        monkeypatch.setattr(reproduce_run, "find_checkout", lambda: checkout)
        with pytest.raises(SystemExit) as stopped:
            cli.main(["reproduce", *arguments])
        printed = capsys.readouterr()
        return int(stopped.value.code or 0), printed.out, printed.err

    return call


def test_what_matches_is_said_and_ends_with_zero(run: Run) -> None:
    code, out, err = run()
    assert (code, out) == (0, "counted: matches\nnumbers in running text: 0 of 1 sentences differ from the tables\n")
    assert err.splitlines()[0].startswith("counted: python -c")


def test_what_differs_is_shown_with_both_values_and_ends_with_one(run: Run) -> None:
    code, out, _ = run(claimed="3")
    assert code == 1
    assert out.splitlines() == [
        "counted: differs",
        "  page.md, counted: 1 differ",
        "    line 3 (3, a): '3', now '2'",
        "numbers in running text: 1 of 1 sentences differ from the tables",
        "  page.md, 'there are 2 of them': '2', now '3 in page.md (a)'",
    ]


def test_json_says_the_same(run: Run) -> None:
    code, out, _ = run("--json", claimed="3")
    found = json.loads(out)
    assert code == 1
    assert found["matches"] is False
    assert found["outcomes"][0]["parts"][0]["differences"][0]["claimed"] == "3"


def test_prose_alone_runs_nothing(run: Run) -> None:
    code, out, err = run("--prose")
    assert (code, err) == (0, "")
    assert out == "numbers in running text: 0 of 1 sentences differ from the tables\n"


def test_list_says_minutes_and_what_is_missing(run: Run) -> None:
    code, out, _ = run("--list", needed="../nowhere.npz")
    assert code == 0
    assert [word for word in ("counted", "0.1", "a number", "../nowhere.npz") if word not in out] == []


@pytest.mark.parametrize(("arguments", "fault"), [(("countd",), "Did you mean"), (("--keep", "."), "is not empty")])
def test_what_cannot_be_done_is_one_line(run: Run, arguments: tuple[str, ...], fault: str) -> None:
    code, out, err = run(*arguments)
    assert (code, out) == (2, "")
    assert fault in err
    assert len(err.splitlines()) == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--minutes", "-1"), "--minutes is -1; expected a number above 0"),
        (("--minutes", "nan"), "--minutes is nan; expected a number above 0"),
        (("--prose", "counted"), "--prose beside counted; expected either claims or --prose, not both"),
    ],
)
def test_options_that_would_leave_everything_out_are_an_error(
    run: Run, arguments: tuple[str, ...], message: str
) -> None:
    assert run(*arguments) == (2, "", f"ipa-gym: error: {message}\n")
