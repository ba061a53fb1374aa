"""`nps-connect cases assign|note|solve|reopen`: what staff do about a case, from a shell."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest
from sqlalchemy import select

from nps_connect.connection import system_clock
from nps_connect.ledger.cases import CaseRow
from nps_connect.ledger.ledger import Ledger
from nps_connect.ledger.tables import ResponseRow


@pytest.fixture
def with_case(seeded_cli):
    """The seeded database with one open case, of id 1."""
    ledger = Ledger(f"sqlite:///{seeded_cli.folder / 'nps-connect.db'}")
    with ledger.write() as session:
        response = session.execute(select(ResponseRow).order_by(ResponseRow.id)).scalars().first()
        session.add(CaseRow(response_id=response.id, contact_id=response.contact_id, opened_at=system_clock()))
    ledger.close()
    return seeded_cli


def shown(cli) -> dict:
    return json.loads(cli("cases", "show", "1", "--json").out)


def test_a_case_is_worked_on_from_the_shell(with_case):
    with_case("cases", "assign", "1", "anna@example.com")
    assert shown(with_case)["assigned_to"] == "anna@example.com"
    with_case("cases", "note", "1", "Asked the carrier")
    with_case("cases", "note", "1", "--called", "call-again", "--next-call", "2030-03-04")
    assert shown(with_case)["next_contact_at"].startswith("2030-03-04T")
    with_case("cases", "solve", "1", "--done", "apology", "--note", "Sent a new one")
    assert (shown(with_case)["state"], shown(with_case)["remedies"]) == ("solved", ["apology"])
    with_case("cases", "reopen", "1")
    with_case("cases", "assign", "1", "--nobody")
    case = shown(with_case)
    assert (case["state"], case["reopened"], case["assigned_to"]) == ("open", 1, None)
    kinds = [entry["kind"] for entry in case["history"]]
    assert kinds == ["assigned", "note", "called", "solved", "reopened", "assigned"]


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("assign", "1"), 2, "give an e-mail address, or --nobody"),
        (("assign", "1", "anna"), 2, "'anna' is not an e-mail address"),
        (("note", "1"), 2, "give a text, or --called"),
        (("note", "1", "--called", "call-again", "--next-call", "soon"), 2, "--next-call"),
        (("note", "9", "Hello"), 1, "there is no case 9; see: nps-connect cases list"),
        (("reopen", "1"), 1, "see: nps-connect cases show 1"),
    ],
)
def test_what_is_missing_or_wrong_is_said_and_changes_nothing(with_case, arguments, code, message):
    before = shown(with_case)
    result = with_case("cases", *arguments)
    assert result.code == code
    assert message in result.err
    assert shown(with_case) == before


def documented_commands(page: str) -> list[list[str]]:
    """The arguments of the commands in the console blocks of a page."""
    text = (Path(__file__).parents[2] / "docs" / page).read_text(encoding="utf-8")
    lines = "".join(re.findall(r"```console\n(.*?)```", text, re.DOTALL)).splitlines()
    commands = [line.removeprefix("$ ") for line in lines]
    return [shlex.split(line, comments=True)[1:] for line in commands if line.startswith("nps-connect ")]


def test_the_commands_of_the_page_of_cases_follow_one_case_to_its_end(with_case):
    commands = documented_commands("cases.md")
    assert [command[1] for command in commands] == ["list"] * 3 + ["show", "assign", "note", "note", "solve", "reopen"]
    for command in commands:
        result = with_case(*("1" if argument == "7" else argument for argument in command))
        assert result.code == 0, (command, result.err)
    case = shown(with_case)
    assert (case["state"], case["assigned_to"], case["reopened"]) == ("open", "anna@example.com", 1)


def test_the_commands_of_the_page_of_comments(seeded_cli):
    [response, *_] = json.loads(seeded_cli("responses", "list", "--json").out)["items"]
    commands = documented_commands("comments.md")
    assert [command[1] for command in commands] == ["themes", "tag", "untag"]
    for command in commands:
        result = seeded_cli(*(response["id"] if argument == "3f9a1c20b7" else argument for argument in command))
        assert result.code == 0, (command, result.err)
