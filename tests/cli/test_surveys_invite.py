"""`nps-connect surveys invite`: a campaign from a file that a spreadsheet wrote."""

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
def ready(configured, sqlite_template):
    """A configuration with an empty database."""
    (configured.folder / "nps-connect.db").write_bytes(sqlite_template.read_bytes())
    return configured


def records(cli):
    """The events, as the database has them."""
    with sqlite3.connect(cli.folder / "nps-connect.db") as database:
        return [json.loads(row[0]) for row in database.execute("SELECT record FROM events ORDER BY id")]


def told(result):
    return " ".join(result.err.split())


def test_a_file_of_french_excel_is_read_as_it_is(ready):
    name = write_csv(ready.folder, "clients.csv", *PEOPLE)
    result = ready("surveys", "invite", name, *SURVEY, "--yes")
    assert result.code == 0
    assert "clients.csv: Windows-1252 (nothing in the file says so: check names with accents)" in told(result)
    assert "delimiter semicolon, 4 columns not used: Ville" in told(result)
    assert "Would reach 3 people, at most 100 a day" in result.out
    assert "3 people wait to be decided" in result.out
    contacts = [record["contacts"][0] for record in records(ready)]
    assert [(one["name"], one["email"]) for one in contacts] == [
        ("Zoé Lefèvre", "zoe@example.com"),
        ("Jérôme Martin", "jerome@example.com"),
        ("Paul Durand; Cie", "paul@example.com"),
    ]


@pytest.mark.parametrize(
    ("codec", "delimiter"), [("utf-8", ","), ("utf-8-sig", ";"), ("utf-16", "\t"), ("latin-1", ";")]
)
def test_so_is_any_other_spreadsheets(ready, codec, delimiter):
    name = write_csv(ready.folder, "clients.csv", *PEOPLE, codec=codec, delimiter=delimiter)
    found = json.loads(ready("surveys", "invite", name, *SURVEY, "--yes", "--json").out)
    assert (found["people"], found["taken"]) == (3, 3)
    assert records(ready)[0]["contacts"][0]["name"] == "Zoé Lefèvre"


def test_the_same_file_twice_takes_nobody_twice(ready):
    name = write_csv(ready.folder, "clients.csv", *PEOPLE)
    ready("surveys", "invite", name, *SURVEY, "--yes")
    again = ready("surveys", "invite", name, *SURVEY)
    assert again.code == 0
    assert "Nobody is new in campaign 'clients'; another --campaign begins anew." in again.out
    assert len(records(ready)) == 3
    other = json.loads(ready("surveys", "invite", name, *SURVEY, "--campaign", "q2", "--yes", "--json").out)
    assert other["taken"] == 3


def test_it_says_how_many_and_asks_before_it_takes_anybody(ready):
    name = write_csv(ready.folder, "clients.csv", *PEOPLE)
    no = ready("surveys", "invite", name, *SURVEY, answer="n\n", NPS_CONNECT_CORE__MODE="live")
    assert no.code == 1
    assert "Ask 3 people by survey 'after-purchase'?" in told(no)
    assert records(ready) == []
    assert "mode is shadow: nothing is sent" in told(ready("surveys", "invite", name, *SURVEY, answer="n\n"))
    assert ready("surveys", "invite", name, *SURVEY, answer="y\n").code == 0
    assert len(records(ready)) == 3


def test_a_dry_run_changes_nothing(ready):
    name = write_csv(ready.folder, "clients.csv", *PEOPLE)
    result = ready("surveys", "invite", name, *SURVEY, "--dry-run")
    assert result.code == 0
    assert "surveyed   3" in result.out
    assert records(ready) == []


def test_every_line_that_is_not_taken_is_told_and_written_down(ready):
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
    name = write_csv(ready.folder, "clients.csv", *rows)
    result = ready("surveys", "invite", name, *SURVEY, "--yes", "--refused", "refused.csv", "--json")
    found = json.loads(result.out)
    assert found["taken"] == 2
    assert found["not_taken"]["reasons"] == {"duplicate": 1, "no_address": 1, "address": 1, "unreadable": 3}
    assert [one["line"] for one in found["not_taken"]["first"]] == [3, 4, 5, 6, 7, 8]
    assert "6 lines are not taken" in told(result)
    assert "line 3: the same person as on line 2" in told(result)
    written = (ready.folder / "refused.csv").read_text(encoding="utf-8").splitlines()
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
        (b"Nom;Courriel\r\nZoe;\r\n", "no line of the file can be used"),
        (b"Nom;Courriel\r\n", "no line of the file can be used"),
    ],
)
def test_what_is_no_table_is_refused_whole(ready, body, sentence):
    result = ready("surveys", "invite", write_bytes(ready.folder, "clients.csv", body), *SURVEY, "--yes")
    assert result.code == 1
    assert sentence in told(result)
    assert records(ready) == []


def test_a_file_that_is_broken_far_down_is_refused_before_anybody_is_taken(ready):
    rows = [f"p{n};p{n}@example.com" for n in range(1500)] + ['x;"open', "y;y@example.com"]
    body = "\r\n".join(["Nom;Courriel", *rows]).encode()
    result = ready("surveys", "invite", write_bytes(ready.folder, "clients.csv", body), *SURVEY, "--yes")
    assert result.code == 1
    assert "line 1502: a quote is opened" in told(result)
    assert records(ready) == []


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--survey", "after-purchas"), "there is no survey 'after-purchas'; did you mean 'after-purchase'?"),
        ((*SURVEY, "--column", "mail=X"), "'mail=X' is not FIELD=NAME with a field of email, name"),
        ((*SURVEY, "--column", "email=E-Mail"), "there is no column 'E-Mail' for email; the file has 'Client'"),
        (SURVEY, "no column is the e-mail address; the file has 'Client', 'Contact'. Say it with --column"),
        ((*SURVEY, "--delimiter", "comma"), "(if that is several columns in one, give --delimiter)"),
        ((*SURVEY, "--connection", "crm"), "there is no connection 'crm'; allowed: mail, team"),
        ((*SURVEY, "--campaign", "x" * 61), "name the campaign with --campaign"),
    ],
)
def test_mistakes_are_usage_errors(ready, arguments, sentence):
    name = write_csv(ready.folder, "clients.csv", ("Client", "Contact"), ("Zoé", "zoe@example.com"))
    result = ready("surveys", "invite", name, *arguments)
    assert result.code == 2
    assert sentence in told(result)


def test_a_column_is_named_by_an_option(ready):
    name = write_csv(ready.folder, "clients.csv", ("Client", "Contact"), ("Zoé", "zoe@example.com"))
    result = ready("surveys", "invite", name, *SURVEY, "--column", "email=contact", "--column", "name=Client", "--yes")
    assert result.code == 0
    assert records(ready)[0]["contacts"][0]["name"] == "Zoé"


def test_a_column_is_asked_for_at_a_terminal(ready):
    name = write_csv(ready.folder, "clients.csv", ("Client", "Contact"), ("Zoé", "zoe@example.com"))
    ours, theirs = pty.openpty()
    os.write(ours, b"2\ny\n")
    environ = {**os.environ, "NPS_CONNECT_LOAD_PLUGINS": "alerts,email", "NO_COLOR": "1"}
    code = "import sys; from nps_connect.cli import main; sys.argv[0] = 'nps-connect'; main()"
    command = [sys.executable, "-c", code, "surveys", "invite", name, *SURVEY]
    done = subprocess.run(
        command, stdin=theirs, capture_output=True, env=environ, cwd=ready.folder, timeout=60, check=False
    )
    os.close(theirs)
    os.close(ours)
    assert done.returncode == 0, done.stderr.decode()
    assert "2  Contact  zoe@example.com" in done.stderr.decode()
    assert "Which column is the e-mail address?" in done.stderr.decode()
    assert len(records(ready)) == 1


def test_more_a_day_than_the_cap_is_lowered_and_told(ready):
    name = write_csv(ready.folder, "clients.csv", *PEOPLE)
    result = ready("surveys", "invite", name, *SURVEY, "--per-day", "500", "--dry-run")
    assert "--per-day 500 is more than limits.surveys_per_day allows: 200 a day." in told(result)
    assert "Would reach 3 people, at most 200 a day" in result.out


def test_a_campaign_of_years_is_a_slip_of_the_pen(ready):
    rows = [(f"P{n}", "", f"p{n}@example.com", "") for n in range(400)]
    name = write_csv(ready.folder, "clients.csv", HEAD, *rows)
    result = ready("surveys", "invite", name, *SURVEY, "--per-day", "1", "--yes")
    assert result.code == 1
    assert "at 1 a day this takes 400 days; give --per-day" in told(result)
    assert records(ready) == []


def test_an_import_that_is_interrupted_says_how_far_it_came_and_goes_on_from_there(ready):
    rows = [(f"P{n}", "", f"p{n}@example.com", "") for n in range(1200)]
    name = write_csv(ready.folder, "clients.csv", HEAD, *rows)
    with sqlite3.connect(ready.folder / "nps-connect.db") as database:
        full = "SELECT RAISE(ABORT, 'database or disk is full')"
        hit = "NEW.record LIKE '%p777@example.com%'"
        database.execute(f"CREATE TRIGGER stop BEFORE INSERT ON events WHEN {hit} BEGIN {full}; END")
    result = ready("surveys", "invite", name, *SURVEY, "--yes")
    assert result.code == 1
    assert "Stopped after line 501: 500 people are in campaign 'clients'." in told(result)
    assert "Run the same command again for the rest: nobody is asked twice." in told(result)
    assert len(records(ready)) == 500
    with sqlite3.connect(ready.folder / "nps-connect.db") as database:
        database.execute("DROP TRIGGER stop")
    found = json.loads(ready("surveys", "invite", name, *SURVEY, "--yes", "--json").out)
    assert (found["imported_before"], found["taken"]) == (500, 700)
    assert len({record["key"] for record in records(ready)}) == 1200


def test_whom_the_rules_would_not_ask_stands_in_the_same_file(ready):
    name = write_csv(ready.folder, "clients.csv", *PEOPLE)
    allow = {"NPS_CONNECT_CORE__RECIPIENT_ALLOW_LIST": '["zoe@example.com"]'}
    found = ready("surveys", "invite", name, *SURVEY, "--dry-run", "--json", "--refused", "refused.csv", **allow)
    assert json.loads(found.out)["reasons"] == {"surveyed": 1, "allow_list": 2}
    written = (ready.folder / "refused.csv").read_text(encoding="utf-8").splitlines()
    assert written[1:] == [f"{line},allow_list,the address is not on the recipient allow-list" for line in (3, 4)]


def test_a_file_that_cannot_be_written_is_told(ready):
    name = write_csv(ready.folder, "clients.csv", *PEOPLE)
    result = ready("surveys", "invite", name, *SURVEY, "--dry-run", "--refused", "nowhere/refused.csv")
    assert result.code == 1
    assert "cannot write nowhere/refused.csv: No such file or directory" in told(result)
