"""The commands of docs/problems.md, and the errors of `problems`."""

from __future__ import annotations

import json
import re
import shlex
from datetime import timedelta
from pathlib import Path

import pytest
from support.problem_rows import UNSEEN, WORKED
from support.sqlite_files import copy_database

from nps_connect.connection import system_clock
from nps_connect.ledger.ledger import Ledger
from nps_connect.ledger.problems import ProblemRow
from nps_connect.services.problems.evaluate import build_evaluation

PAGE = Path(__file__).parents[2] / "docs" / "problems.md"
DEADLINE = "2027-01-31"


@pytest.fixture
def problem_cli(configured_cli, sqlite_template):
    copy_database(sqlite_template, configured_cli.folder / "nps-connect.db")
    return configured_cli


def documented_commands():
    """The arguments of the commands on the page, with a deadline that has not passed."""
    deadline = (system_clock() + timedelta(days=30)).date().isoformat()
    block = re.search(r"```console\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)[1]
    lines = [line.removeprefix("$ nps-connect ") for line in block.splitlines()]
    return [shlex.split(line.replace(DEADLINE, deadline)) for line in lines]


def test_the_documented_commands_follow_a_problem_to_its_end(problem_cli):
    outputs = {}
    for arguments in documented_commands():
        result = problem_cli(*arguments)
        assert result.code == 0, (arguments, result.err)
        outputs[arguments[1]] = result.out
    assert "Opened problem 1." in outputs["open"]
    assert "is evaluated once, on" in outputs["fix"]
    assert "not yet due: looked at once, on" in outputs["show"]
    assert "touchpoint=delivery" in outputs["show"]
    assert "fixed" in outputs["list"]
    [row] = json.loads(problem_cli("problems", "list", "--json").out)["items"]
    assert (row["state"], row["owner"], row["verdict"]) == ("closed", "Paul Bernard", None)
    audit = json.loads(problem_cli("audit", "list", "--json").out)["items"]
    assert [entry["command"] for entry in audit] == ["problems close", "problems fix", "problems open"]


@pytest.mark.parametrize(
    ("comparison", "sentence"),
    [
        (WORKED, "The fix worked: the score rose by 30 points more than that of the others (95% band: +18 to +41)."),
        (UNSEEN, "No change that chance would not explain: 8% of respondents name it, 9% before: −1 points"),
    ],
)
def test_the_verdict_is_a_sentence(problem_cli, comparison, sentence):
    problem_cli(*documented_commands()[0])
    ledger = Ledger(f"sqlite:///{problem_cli.folder / 'nps-connect.db'}")
    with ledger.write() as session:
        row = session.get(ProblemRow, 1)
        row.evaluation, row.evaluated_at = build_evaluation(comparison), system_clock()
        session.add(row)
    ledger.close()
    shown = problem_cli("problems", "show", "1").out
    assert sentence in shown
    assert "The smallest effect that could be seen" in shown
    verdict = json.loads(problem_cli("problems", "show", "1", "--json").out)["evaluation"]["verdict"]
    assert verdict in ("better", "no_change_seen")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--concerns", "Lyon"], "--concerns needs FACT=VALUE"),
        (["--concerns", "segment=detractor"], "Customers cannot be told apart by segment"),
        ([], "without others there is nothing to compare with"),
        (["--theme", "delivery", "--choice", "reason", "Price"], "a problem has one cause"),
        (["--theme", "delivery"], "No comment names this theme."),
        (["--deadline", "2020-01-01", "--concerns", "touchpoint=x"], "The deadline has passed already"),
    ],
)
def test_a_problem_that_cannot_be_judged_is_refused(problem_cli, arguments, message):
    deadline = (system_clock() + timedelta(days=30)).date().isoformat()
    result = problem_cli("problems", "open", "Queues", "--owner", "Paul", "--deadline", deadline, *arguments)
    assert result.code == 1
    assert message in result.err
    assert json.loads(problem_cli("problems", "list", "--json").out)["items"] == []


@pytest.mark.parametrize("arguments", [["show", "7"], ["fix", "7"], ["close", "7"]])
def test_an_unknown_problem_is_an_error(problem_cli, arguments):
    result = problem_cli("problems", *arguments)
    assert (result.code, "There is no problem 7." in result.err) == (1, True)
