"""`nps-connect surveys invite`: a campaign from a CSV file written by a spreadsheet."""

import json
import os
import pty
import sqlite3
import subprocess
import sys

import pytest
from support.spreadsheet_files import write_bytes, write_csv

from nps_connect.rules.imports.csv_table import MAX_CELL_LENGTH

HEAD = ("Prénom", "Nom", "Adresse e-mail", "Ville")
PEOPLE = (
    HEAD,
    ("Zoé", "Lefèvre", "zoe@example.com", "Évry"),
    ("Jérôme", "Martin", "jerome@example.com", ""),
    ("Paul", '"Durand; Cie"', "paul@example.com", "Lyon"),
)
SURVEY = ("--survey", "after-purchase")


@pytest.fixture
def invite_cli(configured_cli, sqlite_template):
    """Run commands on an empty database."""
    (configured_cli.folder / "nps-connect.db").write_bytes(sqlite_template.read_bytes())
    return configured_cli


def event_records(cli):
    """Return the stored event records."""
    with sqlite3.connect(cli.folder / "nps-connect.db") as database:
        return [json.loads(row[0]) for row in database.execute("SELECT record FROM events ORDER BY id")]


def error_text(result):
    return " ".join(result.err.split())


def test_file_from_french_excel_is_read(invite_cli):
    name = write_csv(invite_cli.folder, "clients.csv", *PEOPLE)
    result = invite_cli("surveys", "invite", name, *SURVEY, "--yes")
    assert result.code == 0
    assert "clients.csv: Windows-1252 (guessed: check names with accents)" in error_text(result)
    assert "delimiter semicolon, 4 columns unused columns: Ville" in error_text(result)
    assert "Would reach 3 people, at most 100 a day" in result.out
    assert "3 people imported, awaiting a decision" in result.out
    contacts = [record["contacts"][0] for record in event_records(invite_cli)]
    assert [(contact["name"], contact["email"]) for contact in contacts] == [
        ("Zoé Lefèvre", "zoe@example.com"),
        ("Jérôme Martin", "jerome@example.com"),
        ("Paul Durand; Cie", "paul@example.com"),
    ]


@pytest.mark.parametrize(
    ("codec", "delimiter"), [("utf-8", ","), ("utf-8-sig", ";"), ("utf-16", "\t"), ("latin-1", ";")]
)
def test_encodings_and_delimiters_are_detected(invite_cli, codec, delimiter):
    name = write_csv(invite_cli.folder, "clients.csv", *PEOPLE, codec=codec, delimiter=delimiter)
    output = json.loads(invite_cli("surveys", "invite", name, *SURVEY, "--yes", "--json").out)
    assert (output["people"], output["taken"]) == (3, 3)
    assert event_records(invite_cli)[0]["contacts"][0]["name"] == "Zoé Lefèvre"


def test_invite_is_idempotent_per_campaign(invite_cli):
    name = write_csv(invite_cli.folder, "clients.csv", *PEOPLE)
    invite_cli("surveys", "invite", name, *SURVEY, "--yes")
    repeated = invite_cli("surveys", "invite", name, *SURVEY)
    assert repeated.code == 0
    assert "Campaign 'clients' already contains everyone; use another --campaign" in repeated.out
    assert len(event_records(invite_cli)) == 3
    other_campaign = json.loads(
        invite_cli("surveys", "invite", name, *SURVEY, "--campaign", "q2", "--yes", "--json").out
    )
    assert other_campaign["taken"] == 3


def test_invite_requires_confirmation(invite_cli):
    name = write_csv(invite_cli.folder, "clients.csv", *PEOPLE)
    live = {"NPS_CONNECT_CORE__MODE": "live", "NPS_CONNECT_CORE__PUBLIC_URL": "http://127.0.0.1:8040"}
    declined = invite_cli("surveys", "invite", name, *SURVEY, answer="n\n", **live)
    assert declined.code == 1
    assert "Send survey 'after-purchase' to 3 people?" in error_text(declined)
    assert event_records(invite_cli) == []
    assert "shadow mode: nothing is sent" in error_text(invite_cli("surveys", "invite", name, *SURVEY, answer="n\n"))
    assert invite_cli("surveys", "invite", name, *SURVEY, answer="y\n").code == 0
    assert len(event_records(invite_cli)) == 3


def test_dry_run_changes_nothing(invite_cli):
    name = write_csv(invite_cli.folder, "clients.csv", *PEOPLE)
    result = invite_cli("surveys", "invite", name, *SURVEY, "--dry-run")
    assert result.code == 0
    assert "surveyed  3" in result.out
    assert event_records(invite_cli) == []


def test_rejected_lines_are_reported_and_written_to_a_file(invite_cli):
    rows = [
        HEAD,
        ("Zoé", "", "zoe@example.com", ""),
        ("Zoé", "", " ZOE@example.com ", ""),
        ("Luc", "", "", ""),
        ("Anne", "", "anne at example.com", ""),
        ("Marc", "", "marc@example.com", "a", "b"),
        ("Rose\0", "", "rose@example.com", ""),
        ("x" * (MAX_CELL_LENGTH + 1), "", "long@example.com", ""),
        ("", "", "", ""),
        ("Léa", "", "lea@example.com", ""),
    ]
    name = write_csv(invite_cli.folder, "clients.csv", *rows)
    result = invite_cli("surveys", "invite", name, *SURVEY, "--yes", "--refused", "refused.csv", "--json")
    output = json.loads(result.out)
    assert output["taken"] == 2
    assert output["not_taken"]["reasons"] == {"duplicate": 1, "no_address": 1, "address": 1, "unreadable": 3}
    assert [error["line"] for error in output["not_taken"]["first"]] == [3, 4, 5, 6, 7, 8]
    assert "6 lines rejected" in error_text(result)
    assert "line 3: the same person as on line 2" in error_text(result)
    written = (invite_cli.folder / "refused.csv").read_text(encoding="utf-8").splitlines()
    assert written[0] == "line,reason,detail"
    assert len(written) == 7
    assert "example.com" not in "".join(written[1:3])


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (b"", "line 1: the file is empty"),
        (b"PK\x03\x04...", "this is a workbook, not a CSV file; in Excel: File, Save as, CSV UTF-8"),
        (b"zoe@example.com;Zo\xe9\r\n", "line 1: there is no header"),
        ("Nom;Courriel\r\nZoé;zoe@example.com\r\n".encode() + b"L\xe9a;lea@example.com\r\n", "line 3: the byte 0xE9"),
        (b'Nom;Courriel\r\n"Zoe;zoe@example.com\r\nLea;lea@example.com\r\n', "line 2: a quote is opened in this row"),
        (b"Nom;Courriel\r\nZoe;\r\n", "the file contains no usable line"),
        (b"Nom;Courriel\r\n", "the file contains no usable line"),
    ],
)
def test_unreadable_files_are_rejected(invite_cli, body, sentence):
    result = invite_cli("surveys", "invite", write_bytes(invite_cli.folder, "clients.csv", body), *SURVEY, "--yes")
    assert result.code == 1
    assert sentence in error_text(result)
    assert event_records(invite_cli) == []


def test_late_syntax_error_rejects_the_whole_file(invite_cli):
    rows = [f"p{n};p{n}@example.com" for n in range(1500)] + ['x;"open', "y;y@example.com"]
    body = "\r\n".join(["Nom;Courriel", *rows]).encode()
    result = invite_cli("surveys", "invite", write_bytes(invite_cli.folder, "clients.csv", body), *SURVEY, "--yes")
    assert result.code == 1
    assert "line 1502: a quote is opened" in error_text(result)
    assert event_records(invite_cli) == []


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (
            ("--survey", "after-purchas"),
            "there is no survey 'after-purchas'; allowed: after-purchase; did you mean 'after-purchase'?",
        ),
        ((*SURVEY, "--column", "mail=X"), "'mail=X' is not FIELD=NAME; allowed fields: email, name"),
        ((*SURVEY, "--column", "email=E-Mail"), "there is no column 'E-Mail' for email; the file has 'Client'"),
        (SURVEY, "no column contains the e-mail address; the file has 'Client', 'Contact'. Use --column"),
        ((*SURVEY, "--delimiter", "comma"), "(one column only: check --delimiter)"),
        ((*SURVEY, "--connection", "crm"), "there is no connection 'crm'; allowed: mail, team"),
        ((*SURVEY, "--campaign", "x" * 61), "use --campaign with a name"),
    ],
)
def test_usage_errors(invite_cli, arguments, sentence):
    name = write_csv(invite_cli.folder, "clients.csv", ("Client", "Contact"), ("Zoé", "zoe@example.com"))
    result = invite_cli("surveys", "invite", name, *arguments)
    assert result.code == 2
    assert sentence in error_text(result)


def test_column_option(invite_cli):
    name = write_csv(invite_cli.folder, "clients.csv", ("Client", "Contact"), ("Zoé", "zoe@example.com"))
    result = invite_cli(
        "surveys", "invite", name, *SURVEY, "--column", "email=contact", "--column", "name=Client", "--yes"
    )
    assert result.code == 0
    assert event_records(invite_cli)[0]["contacts"][0]["name"] == "Zoé"


def test_missing_column_is_prompted_for_on_a_terminal(invite_cli):
    name = write_csv(invite_cli.folder, "clients.csv", ("Client", "Contact"), ("Zoé", "zoe@example.com"))
    controller, terminal = pty.openpty()
    os.write(controller, b"2\ny\n")
    environ = {**os.environ, "NPS_CONNECT_LOAD_PLUGINS": "alerts,email", "NO_COLOR": "1"}
    code = "import sys; from nps_connect.cli import main; sys.argv[0] = 'nps-connect'; main()"
    command = [sys.executable, "-c", code, "surveys", "invite", name, *SURVEY]
    completed = subprocess.run(
        command, stdin=terminal, capture_output=True, env=environ, cwd=invite_cli.folder, timeout=60, check=False
    )
    os.close(terminal)
    os.close(controller)
    assert completed.returncode == 0, completed.stderr.decode()
    assert "2  Contact  zoe@example.com" in completed.stderr.decode()
    assert "Which column contains the e-mail address?" in completed.stderr.decode()
    assert len(event_records(invite_cli)) == 1


def test_per_day_is_limited_to_the_cap(invite_cli):
    name = write_csv(invite_cli.folder, "clients.csv", *PEOPLE)
    result = invite_cli("surveys", "invite", name, *SURVEY, "--per-day", "500", "--dry-run")
    assert "--per-day 500 exceeds limits.surveys_per_day; using 200" in error_text(result)
    assert "Would reach 3 people, at most 200 a day" in result.out


def test_campaign_longer_than_a_year_is_rejected(invite_cli):
    rows = [(f"P{n}", "", f"p{n}@example.com", "") for n in range(400)]
    name = write_csv(invite_cli.folder, "clients.csv", HEAD, *rows)
    result = invite_cli("surveys", "invite", name, *SURVEY, "--per-day", "1", "--yes")
    assert result.code == 1
    assert "at 1 a day this campaign takes 400 days; increase --per-day" in error_text(result)
    assert event_records(invite_cli) == []


def test_interrupted_import_reports_progress_and_can_be_resumed(invite_cli):
    rows = [(f"P{n}", "", f"p{n}@example.com", "") for n in range(1200)]
    name = write_csv(invite_cli.folder, "clients.csv", HEAD, *rows)
    with sqlite3.connect(invite_cli.folder / "nps-connect.db") as database:
        abort = "SELECT RAISE(ABORT, 'database or disk is full')"
        condition = "NEW.record LIKE '%p777@example.com%'"
        database.execute(f"CREATE TRIGGER stop BEFORE INSERT ON events WHEN {condition} BEGIN {abort}; END")
    result = invite_cli("surveys", "invite", name, *SURVEY, "--yes")
    assert result.code == 1
    assert "Stopped after line 501: 500 people imported into campaign 'clients'." in error_text(result)
    assert "Run the same command again to import the remaining lines; nobody is invited twice." in error_text(result)
    assert len(event_records(invite_cli)) == 500
    with sqlite3.connect(invite_cli.folder / "nps-connect.db") as database:
        database.execute("DROP TRIGGER stop")
    output = json.loads(invite_cli("surveys", "invite", name, *SURVEY, "--yes", "--json").out)
    assert (output["imported_before"], output["taken"]) == (500, 700)
    assert len({record["key"] for record in event_records(invite_cli)}) == 1200


def test_refused_file_contains_people_rejected_by_rules(invite_cli):
    name = write_csv(invite_cli.folder, "clients.csv", *PEOPLE)
    environ = {"NPS_CONNECT_CORE__RECIPIENT_ALLOW_LIST": '["zoe@example.com"]'}
    result = invite_cli(
        "surveys", "invite", name, *SURVEY, "--dry-run", "--json", "--refused", "refused.csv", **environ
    )
    assert json.loads(result.out)["reasons"] == {"surveyed": 1, "allow_list": 2}
    written = (invite_cli.folder / "refused.csv").read_text(encoding="utf-8").splitlines()
    assert written[1:] == [f"{line},allow_list,the address is not on the recipient allow-list" for line in (3, 4)]


def test_unwritable_refused_file(invite_cli):
    name = write_csv(invite_cli.folder, "clients.csv", *PEOPLE)
    result = invite_cli("surveys", "invite", name, *SURVEY, "--dry-run", "--refused", "nowhere/refused.csv")
    assert result.code == 1
    assert "cannot write nowhere/refused.csv: No such file or directory" in error_text(result)
