"""The audit log: every command that changes something is recorded, and `nps-connect audit list` shows it."""

import getpass
import inspect
import json
import re
from importlib import import_module

import click
import pytest
from support.spreadsheet_files import write_csv

from nps_connect.cli import main

OPENS_FOR_WRITING = re.compile(r"writes=True|open_application\(|create_database\(|Ledger\(")
RECORDS = re.compile(r"audit_command\(|record_audit\(|set_paused\(|decide_brake\(|current_actor\(")

NOT_RECORDED = {
    "run": "a process, whose work the ledger holds",
    "serve": "a process, whose work the ledger holds",
    "worker": "a process, whose work the ledger holds",
    "connections plan": "only asks the vendor",
    "connections snapshot": "only asks the vendors, and writes a file",
    "digest preview": "writes nothing to the database",
    "surveys preview": "writes nothing to the database",
    "surveys test": "writes nothing to the database, and reaches only the given address",
    "imports plan": "writes nothing to the database",
    "imports verify": "writes nothing to the database",
    "mcp": "stores plans only; their approval and what it does are recorded",
    "doctor mail": "writes nothing to the database, and reaches only the given address",
}


def iter_commands(command=main, path=()):
    if isinstance(command, click.Group):
        for name in command.list_commands(None):
            yield from iter_commands(command.get_command(None, name), (*path, name))
    else:
        yield " ".join(path), command


def read_source(command):
    """Return the source of a command with that of the helpers it imports."""
    module = inspect.getmodule(inspect.unwrap(command.callback))
    source = inspect.getsource(module)
    helpers = set(re.findall(r"nps_connect\.cli\._support\.(\w+)", source)) - {"options"}
    sources = [inspect.getsource(import_module(f"nps_connect.cli._support.{helper}")) for helper in helpers - {"actor"}]
    return "\n".join([source, *sources])


def test_every_command_that_opens_something_for_writing_records_it_or_says_why_not():
    """Other commands open the database read-only."""
    unrecorded = set()
    for name, command in iter_commands():
        source = read_source(command)
        if OPENS_FOR_WRITING.search(source) and not RECORDS.search(source):
            unrecorded.add(name)
    assert unrecorded - NOT_RECORDED.keys() == set()
    assert NOT_RECORDED.keys() <= {name for name, _ in iter_commands()}


def listed(cli, *arguments):
    return json.loads(cli("audit", "list", "--json", *arguments).out)["items"]


def last_entry(cli):
    entry = listed(cli)[0]
    assert (entry["actor_kind"], entry["actor_name"]) == ("cli", getpass.getuser())
    return entry["command"], entry["object"], entry["reason"]


@pytest.mark.parametrize(
    ("arguments", "entry"),
    [
        (["pause", "team", "--reason", "too loud"], ("pause", "connection:team", "too loud")),
        (["deliveries", "cancel", "9", "--yes"], ("deliveries cancel", "delivery:9", None)),
        (["deliveries", "retry", "9", "--yes"], ("deliveries retry", "delivery:9", None)),
        (["events", "replay", "1", "--yes"], ("events replay", "1 event about 1 person", None)),
        (["db", "backup", "monday.db"], ("db backup", "database", None)),
    ],
    ids=lambda value: " ".join(value[:2]) if isinstance(value, list) else "",
)
def test_a_command_is_recorded_with_its_object_and_reason(seeded_cli, arguments, entry):
    result = seeded_cli(*arguments)
    assert result.code == 0, result.err
    assert last_entry(seeded_cli) == entry


def test_held_people_of_a_trigger_are_released_on_record(seeded_cli):
    from sqlalchemy import update

    from nps_connect.ledger.tables import DecisionRow

    with seeded_cli.application.ledger.write() as session:
        session.execute(update(DecisionRow).values(verdict="held"))
        trigger = session.execute(DecisionRow.__table__.select()).mappings().first()["trigger"]
    assert seeded_cli("triggers", "release", trigger, "--yes").code == 0
    assert last_entry(seeded_cli) == ("triggers release", f"trigger:{trigger}", None)


def test_campaigns_imports_and_the_creation_of_the_database_are_recorded(configured_cli):
    configured_cli("db", "create")
    people = write_csv(configured_cli.folder, "people.csv", ("email",), ("zoe@example.com",))
    head, row = ("email", "score", "answered_at"), ("zoe@example.com", "9", "2026-10-31 09:15")
    responses = write_csv(configured_cli.folder, "old.csv", head, row)
    assert configured_cli("surveys", "invite", people, "--survey", "after-purchase", "--yes").code == 0
    assert configured_cli("responses", "import", responses, "--survey", "after-purchase", "--yes").code == 0
    assert [(entry["command"], entry["object"]) for entry in listed(configured_cli)] == [
        ("responses import", "survey:after-purchase"),
        ("surveys invite", "survey:after-purchase, campaign:people"),
        ("db create", "database"),
    ]


def test_a_dry_run_and_a_refused_question_record_nothing(seeded_cli):
    seeded_cli("deliveries", "cancel", "9", "--dry-run")
    assert seeded_cli("deliveries", "cancel", "9", answer="n\n").code == 1
    assert seeded_cli("audit", "list").out == "nothing is recorded\n"


def test_list_is_newest_first_and_filtered(seeded_cli):
    seeded_cli("pause", "--reason", "wrong template")
    seeded_cli("resume", "--yes")
    seeded_cli("pause", "team")
    assert [entry["command"] for entry in listed(seeded_cli)] == ["pause", "resume", "pause"]
    assert [entry["object"] for entry in listed(seeded_cli, "--command", "pause")] == ["connection:team", "mail"]
    assert listed(seeded_cli, "--by", "nobody") == []
    assert listed(seeded_cli, "--until", "2026-01-01") == []
    first_page = json.loads(seeded_cli("audit", "list", "--limit", "2", "--json").out)
    [oldest] = listed(seeded_cli, "--cursor", first_page["next_cursor"])
    assert oldest["reason"] == "wrong template"
    assert "wrong template" in seeded_cli("audit", "list").out


def test_the_commands_of_the_page_work(seeded_cli):
    seeded_cli("pause")
    assert len(listed(seeded_cli, "--command", "pause", "--since", "7d")) == 1
