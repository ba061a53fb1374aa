"""`nps-connect responses import`: history from another tool, each answer once."""

import json
import sqlite3

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
def ready(configured, sqlite_template):
    """A configuration with an empty database, whose only route alerts staff of detractors."""
    (configured.folder / "nps-connect.db").write_bytes(sqlite_template.read_bytes())
    return configured


def rows(cli, query):
    with sqlite3.connect(cli.folder / "nps-connect.db") as database:
        return database.execute(query).fetchall()


def told(result):
    return " ".join(result.err.split())


def taken(result):
    return json.loads(result.out)["taken"]


def test_history_counts_in_every_figure_and_leads_to_nothing(ready):
    name = write_csv(ready.folder, "history.csv", *ANSWERS)
    result = ready("responses", "import", name, *SURVEY)
    assert result.code == 0
    assert "3 answers, 0 of them taken before." in told(result)
    assert "3 moments without a time zone are read as Europe/Paris; another one: --timezone" in told(result)
    assert "new        3" in result.out
    assert json.loads(ready("report", "--json").out)["responses"] == 3
    listed = json.loads(ready("responses", "list", "--json").out)
    assert listed[2]["comment"] == "Parfait, à bientôt"
    assert listed[2]["answered_at"] == "2025-10-31T08:15:00+00:00"
    assert rows(ready, "SELECT DISTINCT state FROM survey_invitations") == [("imported",)]
    assert rows(ready, "SELECT * FROM deliveries") == []
    assert "imported" in ready("explain", "zoe@example.com").out


def test_the_same_file_twice_adds_nothing(ready):
    name = write_csv(ready.folder, "history.csv", *ANSWERS)
    assert taken(ready("responses", "import", name, *SURVEY, "--json"))["new"] == 3
    again = taken(ready("responses", "import", name, *SURVEY, "--json"))
    assert (again["new"], again["known"]) == (0, 3)
    assert rows(ready, "SELECT count(*) FROM responses") == [(3,)]


def test_a_dry_run_changes_nothing(ready):
    name = write_csv(ready.folder, "history.csv", *ANSWERS)
    result = ready("responses", "import", name, *SURVEY, "--dry-run", "--route")
    assert result.code == 0
    assert "Would lead to, at most: alerts 1." in result.out
    assert rows(ready, "SELECT * FROM contacts") == rows(ready, "SELECT * FROM responses") == []


def test_routes_are_taken_only_when_told_and_asked(ready):
    name = write_csv(ready.folder, "history.csv", *ANSWERS)
    no = ready("responses", "import", name, *SURVEY, "--route", answer="n\n")
    assert no.code == 1
    assert rows(ready, "SELECT * FROM responses") == []
    yes = ready("responses", "import", name, *SURVEY, "--route", answer="y\n")
    assert "Led to: alerts 1." in yes.out
    again = json.loads(ready("responses", "import", name, *SURVEY, "--route", "--yes", "--json").out)
    assert again["led_to"] == {}
    assert rows(ready, "SELECT action, state FROM deliveries") == [("send_alert", "held")]  # mode is shadow


def test_scores_cannot_be_written_back_where_no_route_does(ready):
    name = write_csv(ready.folder, "history.csv", *ANSWERS)
    result = ready("responses", "import", name, *SURVEY, "--write-scores")
    assert result.code == 2
    assert "no route of the configuration does write_score" in told(result)


def test_the_time_zone_is_the_operators_to_say(ready):
    name = write_csv(ready.folder, "history.csv", *ANSWERS)
    result = ready("responses", "import", name, *SURVEY, "--timezone", "America/New_York")
    assert "are read as America/New_York" in told(result)
    listed = json.loads(ready("responses", "list", "--json").out)
    assert listed[2]["answered_at"] == "2025-10-31T13:15:00+00:00"
    assert ready("responses", "import", name, *SURVEY, "--timezone", "Paris").code == 2


def test_dates_that_are_one_of_two_days_are_asked_about(ready):
    name = write_csv(ready.folder, "history.csv", HEAD, ("a1", "zoe@example.com", "9", "", "03/04/2025"))
    result = ready("responses", "import", name, *SURVEY)
    assert result.code == 1
    assert "line 2: this date is one of two days" in told(result)
    assert "say --dates day-first or --dates month-first" in told(result)
    assert ready("responses", "import", name, *SURVEY, "--dates", "month-first").code == 0
    [listed] = json.loads(ready("responses", "list", "--json").out)
    assert listed["answered_at"] == "2025-03-03T23:00:00+00:00"


def test_every_line_that_is_not_taken_is_told(ready):
    bad = (
        ("b1", "zoe@example.com", "11", "", "2025-10-01"),
        ("b2", "zoe@example.com", "9,5", "", "2025-10-01"),
        ("b3", "zoe@example.com", "", "", "2025-10-01"),
        ("b4", "zoe@example.com", "9", "", "hier"),
        ("b5", "zoe@example.com", "9", "", "2125-10-01"),
        ("b6", "", "9", "", "2025-10-01"),
        ("a1", "paul@example.com", "9", "", "2025-10-01"),
    )
    name = write_csv(ready.folder, "history.csv", *ANSWERS, *bad)
    result = ready("responses", "import", name, *SURVEY, "--json", "--refused", "refused.csv")
    found = json.loads(result.out)
    assert found["taken"]["new"] == 3
    assert found["not_taken"]["reasons"] == {"score": 3, "date": 2, "no_address": 1, "duplicate": 1}
    assert "line 5: '11' is not an integer from 0 to 10" in told(result)
    assert "line 11: the same answer as on line 2" in told(result)
    assert len((ready.folder / "refused.csv").read_text(encoding="utf-8").splitlines()) == 8


@pytest.mark.parametrize(
    ("body", "code", "sentence"),
    [
        (b"", 1, "the file is empty"),
        (b"id;courriel;note\r\n1;a@example.com;9\r\n", 2, "no column is the moment of the answer"),
        (b"id;courriel;date\r\n1;a@example.com;2025-01-01\r\n", 2, "no column is the score, 0 to 10"),
        (b"courriel;note;date\r\na@example.com;x;2025-01-01\r\n", 1, "no line of the file can be used"),
        (b'courriel;note;date\r\n"a@example.com;9;2025-01-01\r\n', 1, "line 2: a quote is opened"),
    ],
)
def test_what_cannot_be_read_is_refused_whole(ready, body, code, sentence):
    result = ready("responses", "import", write_bytes(ready.folder, "history.csv", body), *SURVEY)
    assert result.code == code
    assert sentence in told(result)
    assert rows(ready, "SELECT * FROM responses") == []


EXPORTS = {
    "asknicely": (
        ("response_id", "person_id", "name", "email", "answer", "comment", "note", "sent", "responded"),
        ("71", "4", "Zoé", "zoe@example.com", "9", "Bien", "staff only", "1769800000", "1769864700"),
    ),
    "delighted": (
        ("id", "person", "email", "survey_type", "score", "comment", "permalink", "created_at"),
        ("71", "4", "zoe@example.com", "nps", "9", "Bien", "https://delighted.example.com/r/x", "1769864700"),
    ),
    "surveymonkey": (
        (
            "Respondent ID",
            "Collector ID",
            "Start Date",
            "End Date",
            "IP Address",
            "Email Address",
            "How likely?",
            "Why?",
        ),
        ("71", "2", "01/31/2026 02:00:00 PM", "01/31/2026 02:05:00 PM", "192.0.2.1", "zoe@example.com", "9", "Bien"),
    ),
    "typeform": (
        ("#", "How likely?", "Why?", "mail", "Start Date (UTC)", "Submit Date (UTC)", "Network ID"),
        ("71", "9", "Bien", "zoe@example.com", "2026-01-31 13:00:00", "2026-01-31 13:05:00", "x"),
    ),
}


@pytest.mark.parametrize("preset", EXPORTS)
def test_exports_of_other_tools_are_known(ready, preset):
    name = write_csv(ready.folder, "export.csv", *EXPORTS[preset], codec="utf-8", delimiter=",")
    more = ("--column", "score=How likely?", "--column", "comment=Why?") if "How likely?" in EXPORTS[preset][0] else ()
    result = ready("responses", "import", name, *SURVEY, "--preset", preset, *more)
    assert result.code == 0, result.err
    [listed] = json.loads(ready("responses", "list", "--json").out)
    assert (listed["score"], listed["comment"]) == (9, "Bien")
    assert listed["answered_at"] == "2026-01-31T13:05:00+00:00"


def test_our_own_export_can_be_taken_in_elsewhere(ready):
    name = write_csv(ready.folder, "history.csv", *ANSWERS)
    ready("responses", "import", name, *SURVEY)
    before = json.loads(ready("responses", "export", "--json").out)
    ready("responses", "export", "--output", "all.csv")
    (ready.folder / "nps-connect.db").unlink()
    ready("db", "upgrade")
    result = ready("responses", "import", "all.csv", *SURVEY, "--preset", "nps-connect")
    assert "without a time zone" not in result.err
    after = json.loads(ready("responses", "export", "--json").out)
    names = ("score", "comment", "email", "answered_at", "touchpoint", "language")
    assert [[one[name] for name in names] for one in after] == [[one[name] for name in names] for one in before]


def test_an_import_that_is_interrupted_says_how_far_it_came_and_goes_on_from_there(ready):
    many = [(f"a{n}", f"p{n}@example.com", "9", "", "2025-10-01") for n in range(1200)]
    name = write_csv(ready.folder, "history.csv", HEAD, *many)
    with sqlite3.connect(ready.folder / "nps-connect.db") as database:
        full = "SELECT RAISE(ABORT, 'database or disk is full')"
        database.execute(
            f"CREATE TRIGGER stop BEFORE INSERT ON contacts WHEN NEW.email = 'p777@example.com' BEGIN {full}; END"
        )
    result = ready("responses", "import", name, *SURVEY)
    assert result.code == 1
    assert "Stopped after line 501: 500 answers are taken. Run the same command again" in told(result)
    tables = ("contacts", "survey_invitations", "responses", "response_revisions")
    assert [rows(ready, f"SELECT count(*) FROM {table}") for table in tables] == [[(500,)]] * 4
    with sqlite3.connect(ready.folder / "nps-connect.db") as database:
        database.execute("DROP TRIGGER stop")
    again = taken(ready("responses", "import", name, *SURVEY, "--json"))
    assert (again["new"], again["known"]) == (700, 500)
