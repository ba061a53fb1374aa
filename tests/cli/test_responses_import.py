"""`nps-connect responses import`: idempotent import of responses from another tool."""

import json
import sqlite3
from pathlib import Path

import pytest
from support.spreadsheet_files import write_bytes, write_csv

HEAD = ("Identifiant", "Courriel", "Note", "Commentaire", "Date de réponse")
ANSWERS = (
    HEAD,
    ("a1", "zoe@example.com", "10", "Parfait, à bientôt", "31/10/2025 09:15"),
    ("a2", "jerome@example.com", "3", "Trop lent", "02/11/2025 10:00"),
    ("a3", "paul@example.com", "8", "", "03/11/2025"),
)
SURVEY = ("--survey", "after-purchase")


@pytest.fixture
def import_cli(configured_cli, sqlite_template):
    """Run commands on an empty database; the only route alerts staff about detractors."""
    (configured_cli.folder / "nps-connect.db").write_bytes(sqlite_template.read_bytes())
    return configured_cli


def query_rows(cli, query):
    with sqlite3.connect(cli.folder / "nps-connect.db") as database:
        return database.execute(query).fetchall()


def error_text(result):
    return " ".join(result.err.split())


def import_totals(result):
    return json.loads(result.out)["taken"]


def test_imported_responses_count_in_reports_and_trigger_nothing(import_cli):
    name = write_csv(import_cli.folder, "history.csv", *ANSWERS)
    result = import_cli("responses", "import", name, *SURVEY)
    assert result.code == 0
    assert "3 responses, 0 already imported." in error_text(result)
    assert "3 times without a time zone are read as Europe/Paris; to change it: --timezone" in error_text(result)
    assert "new               3" in result.out
    assert json.loads(import_cli("report", "--json").out)["responses"] == 3
    listed = json.loads(import_cli("responses", "list", "--json").out)["items"]
    assert listed[2]["comment"] == "Parfait, à bientôt"
    assert listed[2]["answered_at"] == "2025-10-31T08:15:00+00:00"
    assert query_rows(import_cli, "SELECT DISTINCT state FROM survey_invitations") == [("imported",)]
    assert query_rows(import_cli, "SELECT * FROM deliveries") == []
    assert "imported" in import_cli("explain", "zoe@example.com").out


def test_import_is_idempotent(import_cli):
    name = write_csv(import_cli.folder, "history.csv", *ANSWERS)
    assert import_totals(import_cli("responses", "import", name, *SURVEY, "--json"))["new"] == 3
    totals = import_totals(import_cli("responses", "import", name, *SURVEY, "--json"))
    assert (totals["new"], totals["already_imported"]) == (0, 3)
    assert query_rows(import_cli, "SELECT count(*) FROM responses") == [(3,)]


def test_dry_run_changes_nothing(import_cli):
    name = write_csv(import_cli.folder, "history.csv", *ANSWERS)
    result = import_cli("responses", "import", name, *SURVEY, "--dry-run", "--route")
    assert result.code == 0
    assert "Would create at most: alerts 1." in result.out
    assert query_rows(import_cli, "SELECT * FROM contacts") == query_rows(import_cli, "SELECT * FROM responses") == []


def test_routes_require_the_option_and_a_confirmation(import_cli):
    name = write_csv(import_cli.folder, "history.csv", *ANSWERS)
    declined = import_cli("responses", "import", name, *SURVEY, "--route", answer="n\n")
    assert declined.code == 1
    assert query_rows(import_cli, "SELECT * FROM responses") == []
    confirmed = import_cli("responses", "import", name, *SURVEY, "--route", answer="y\n")
    assert "Created: alerts 1." in confirmed.out
    repeated = json.loads(import_cli("responses", "import", name, *SURVEY, "--route", "--yes", "--json").out)
    assert repeated["led_to"] == {}
    assert query_rows(import_cli, "SELECT action, state FROM deliveries") == [("send_alert", "held")]  # mode is shadow


def test_write_scores_requires_a_route(import_cli):
    name = write_csv(import_cli.folder, "history.csv", *ANSWERS)
    result = import_cli("responses", "import", name, *SURVEY, "--write-scores")
    assert result.code == 2
    assert "no configured route does write_score" in error_text(result)


def test_timezone_option(import_cli):
    name = write_csv(import_cli.folder, "history.csv", *ANSWERS)
    result = import_cli("responses", "import", name, *SURVEY, "--timezone", "America/New_York")
    assert "are read as America/New_York" in error_text(result)
    listed = json.loads(import_cli("responses", "list", "--json").out)["items"]
    assert listed[2]["answered_at"] == "2025-10-31T13:15:00+00:00"
    assert import_cli("responses", "import", name, *SURVEY, "--timezone", "Paris").code == 2


def test_ambiguous_dates_require_an_option(import_cli):
    name = write_csv(import_cli.folder, "history.csv", HEAD, ("a1", "zoe@example.com", "9", "", "03/04/2025"))
    result = import_cli("responses", "import", name, *SURVEY)
    assert result.code == 1
    assert "line 2: this date is ambiguous" in error_text(result)
    assert "say --dates day-first or --dates month-first" in error_text(result)
    assert import_cli("responses", "import", name, *SURVEY, "--dates", "month-first").code == 0
    [listed] = json.loads(import_cli("responses", "list", "--json").out)["items"]
    assert listed["answered_at"] == "2025-03-03T23:00:00+00:00"


def test_rejected_lines_are_reported(import_cli):
    invalid_rows = (
        ("b1", "zoe@example.com", "11", "", "2025-10-01"),
        ("b2", "zoe@example.com", "9,5", "", "2025-10-01"),
        ("b3", "zoe@example.com", "", "", "2025-10-01"),
        ("b4", "zoe@example.com", "9", "", "hier"),
        ("b5", "zoe@example.com", "9", "", "2125-10-01"),
        ("b6", "", "9", "", "2025-10-01"),
        ("a1", "paul@example.com", "9", "", "2025-10-01"),
    )
    name = write_csv(import_cli.folder, "history.csv", *ANSWERS, *invalid_rows)
    result = import_cli("responses", "import", name, *SURVEY, "--json", "--refused", "refused.csv")
    output = json.loads(result.out)
    assert output["taken"]["new"] == 3
    assert output["not_taken"]["reasons"] == {"score": 3, "date": 2, "no_address": 1, "duplicate": 1}
    assert "line 5: '11' is not an integer from 0 to 10" in error_text(result)
    assert "line 11: the same response as on line 2" in error_text(result)
    assert len((import_cli.folder / "refused.csv").read_text(encoding="utf-8").splitlines()) == 8


@pytest.mark.parametrize(
    ("body", "code", "sentence"),
    [
        (b"", 1, "the file is empty"),
        (b"id;courriel;note\r\n1;a@example.com;9\r\n", 2, "no column contains the date of the response"),
        (b"id;courriel;date\r\n1;a@example.com;2025-01-01\r\n", 2, "no column contains the score, 0 to 10"),
        (b"courriel;note;date\r\na@example.com;x;2025-01-01\r\n", 1, "the file contains no usable line"),
        (b'courriel;note;date\r\n"a@example.com;9;2025-01-01\r\n', 1, "line 2: a quote is opened"),
    ],
)
def test_unreadable_files_are_rejected(import_cli, body, code, sentence):
    result = import_cli("responses", "import", write_bytes(import_cli.folder, "history.csv", body), *SURVEY)
    assert result.code == code
    assert sentence in error_text(result)
    assert query_rows(import_cli, "SELECT * FROM responses") == []


QUESTIONS = ("--column", "score=How likely is it that you would recommend us?", "--column", "comment=Why?")
EXPORTS = {
    "asknicely": ((), {"unanswered": 1, "metric": 1}),
    "delighted": ((), {"metric": 1}),
    "qualtrics": (("--column", "score=Q1", "--column", "comment=Q2"), {"address": 2, "test": 2}),
    "surveymonkey": (QUESTIONS, {"no_address": 1}),
    "typeform": (QUESTIONS, {}),
}
"""Options of each preset, and the lines that are left out by reason."""


@pytest.mark.parametrize("preset", EXPORTS)
def test_exports_of_other_tools_are_imported_by_their_presets(import_cli, preset):
    """The files in ``exports/`` are written by hand in the layouts of the tools."""
    column_options, left_out = EXPORTS[preset]
    file = str(Path(__file__).with_name("exports") / f"{preset}.csv")
    result = import_cli("responses", "import", file, *SURVEY, "--preset", preset, *column_options, "--json")
    assert result.code == 0, result.err
    assert json.loads(result.out)["not_taken"]["reasons"] == left_out
    listed = json.loads(import_cli("responses", "export", "--json").out)["items"]
    assert [(row["score"], row["email"], row["comment"]) for row in listed] == [
        (10, "zoe@example.com", "Parfait, merci"),
        (0, "paul@example.com", None),
    ]
    assert [row["answered_at"] for row in listed] == ["2026-01-31T14:05:00+01:00", "2026-01-31T14:06:00+01:00"]


@pytest.mark.parametrize(
    ("ten", "refused"),
    [
        ("Extremely likely", True),
        ("10 stars", True),
        ("10/10", True),
        ("Extremely likely - 10", False),
        ("no answer", False),
        ("", False),
    ],
)
def test_a_file_that_would_lose_every_10_is_refused(import_cli, ten, refused):
    rows = [("email", "score", "date"), *((f"p{score}@example.com", str(score), "2025-11-01") for score in range(10))]
    name = write_csv(import_cli.folder, "history.csv", *rows, ("zoe@example.com", ten, "2025-11-01"))
    result = import_cli("responses", "import", name, *SURVEY)
    assert result.code == (1 if refused else 0)
    assert ("1 rejected line probably mean the score 10" in error_text(result)) is refused
    assert query_rows(import_cli, "SELECT count(*) FROM responses") == [
        (0 if refused else 11 - (ten in ("no answer", "")),)
    ]


def test_a_single_unreadable_10_is_rejected_by_line(import_cli):
    rows = [("email", "score", "date"), ("a@example.com", "10", "2025-11-01"), ("b@example.com", "10/10", "2025-11-01")]
    result = import_cli("responses", "import", write_csv(import_cli.folder, "history.csv", *rows), *SURVEY)
    assert result.code == 0
    assert "1 line rejected (score_10 1): line 3: '10/10' is not an integer from 0 to 10" in error_text(result)


def test_google_forms_timestamps_with_short_offsets(import_cli):
    rows = [
        ("Timestamp", "Email Address", "How likely?"),
        ("2026/01/31 1:43:01 PM GMT+1", "zoe@example.com", "9"),
        ("2026/01/31 11:57:53 AM GMT+1", "paul@example.com", "4"),
    ]
    name = write_csv(import_cli.folder, "form.csv", *rows, codec="utf-8", delimiter=",")
    result = import_cli("responses", "import", name, *SURVEY, "--column", "score=How likely?", "--timezone", "UTC")
    assert result.code == 0
    assert "without a time zone" not in result.err
    listed = json.loads(import_cli("responses", "export", "--json").out)["items"]
    assert [row["answered_at"] for row in listed] == ["2026-01-31T11:57:53+01:00", "2026-01-31T13:43:01+01:00"]


def test_comments_and_names_are_stored_without_control_characters(import_cli):
    rows = [
        ("email", "name", "score", "comment", "date", "touchpoint"),
        ("zoe@example.com", "Zoé\u202e", "9", "Bien\x1b[2J\u2066 !", "2025-11-01", "after\x07 sale"),
    ]
    name = write_csv(import_cli.folder, "history.csv", *rows, codec="utf-8")
    assert import_cli("responses", "import", name, *SURVEY).code == 0
    assert query_rows(import_cli, "SELECT comment, touchpoint FROM responses") == [("Bien[2J !", "after sale")]
    assert query_rows(import_cli, "SELECT name FROM contacts") == [("Zoé",)]


def test_own_export_can_be_imported_again(import_cli):
    name = write_csv(import_cli.folder, "history.csv", *ANSWERS)
    import_cli("responses", "import", name, *SURVEY)
    rows_before = json.loads(import_cli("responses", "export", "--json").out)["items"]
    import_cli("responses", "export", "--output", "all.csv")
    (import_cli.folder / "nps-connect.db").unlink()
    import_cli("db", "create")
    result = import_cli("responses", "import", "all.csv", *SURVEY, "--preset", "nps-connect")
    assert "without a time zone" not in result.err
    rows_after = json.loads(import_cli("responses", "export", "--json").out)["items"]
    names = ("score", "comment", "email", "answered_at", "touchpoint", "language")
    assert [[row[name] for name in names] for row in rows_after] == [
        [row[name] for name in names] for row in rows_before
    ]


def test_interrupted_import_reports_progress_and_can_be_resumed(import_cli):
    rows = [(f"a{n}", f"p{n}@example.com", "9", "", "2025-10-01") for n in range(1200)]
    name = write_csv(import_cli.folder, "history.csv", HEAD, *rows)
    with sqlite3.connect(import_cli.folder / "nps-connect.db") as database:
        abort = "SELECT RAISE(ABORT, 'database or disk is full')"
        database.execute(
            f"CREATE TRIGGER stop BEFORE INSERT ON contacts WHEN NEW.email = 'p777@example.com' BEGIN {abort}; END"
        )
    result = import_cli("responses", "import", name, *SURVEY)
    assert result.code == 1
    assert "Stopped after line 501: 500 responses imported. Run the same command again" in error_text(result)
    tables = ("contacts", "survey_invitations", "responses", "response_revisions")
    assert [query_rows(import_cli, f"SELECT count(*) FROM {table}") for table in tables] == [[(500,)]] * 4
    with sqlite3.connect(import_cli.folder / "nps-connect.db") as database:
        database.execute("DROP TRIGGER stop")
    totals = import_totals(import_cli("responses", "import", name, *SURVEY, "--json"))
    assert (totals["new"], totals["already_imported"]) == (700, 500)
