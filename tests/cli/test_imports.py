"""`nps-connect imports plan`, `apply` and `verify`: archives of other tools in their documented shapes."""

import inspect
import json
import re
import sqlite3

import pytest
from support.survey_archives import (
    ARCHIVES,
    BOUNCED,
    DAY,
    ENJOYED,
    NOTE,
    NOW,
    PEOPLE,
    RESPONSES,
    UNSUBSCRIBED,
    response,
)

from nps_connect.services.imports import second_reader

SURVEY = ("--survey", "after-purchase")


@pytest.fixture
def import_cli(configured_cli, sqlite_template):
    (configured_cli.folder / "nps-connect.db").write_bytes(sqlite_template.read_bytes())
    return configured_cli


@pytest.fixture
def delighted(import_cli):
    folder = import_cli.folder / "delighted"
    folder.mkdir()
    files = {"people": PEOPLE, "survey_responses": RESPONSES, "unsubscribes": UNSUBSCRIBED, "bounces": BOUNCED}
    for name, rows in files.items():
        (folder / f"{name}.json").write_text(json.dumps(rows), encoding="utf-8")
    return folder


def query_rows(cli, query):
    with sqlite3.connect(cli.folder / "nps-connect.db") as database:
        return database.execute(query).fetchall()


def steps(result):
    assert result.code == 0, result.err
    return {(step["file"], step["kind"]): step for step in json.loads(result.out)["steps"]}


def test_plan_shows_each_kind_and_writes_nothing(import_cli, delighted):
    result = import_cli("imports", "plan", "delighted", "delighted", *SURVEY, "--json")
    planned = steps(result)
    assert {name: step["rows"] for (name, _), step in planned.items()} == {
        "unsubscribes.json": 1, "bounces.json": 1, "people.json": 1, "survey_responses.json": 4,
    }  # fmt: skip
    rejected = planned["survey_responses.json", "responses"]["rejected"]
    assert [(error["line"], error["reason"]) for error in rejected["first"]] == [
        (5, "score"), (6, "metric"), (7, "duplicate"),
    ]  # fmt: skip
    assert "zoe@" not in result.out, "samples are masked"
    assert query_rows(import_cli, "SELECT (SELECT count(*) FROM contacts) + (SELECT count(*) FROM suppressions)") == [
        (0,)
    ]
    assert "one per id of the tool" in import_cli("imports", "plan", "delighted", "delighted", *SURVEY).out


def test_apply_stores_everything_once_and_sends_nothing(import_cli, delighted):
    for repeated in (False, True):
        applied = steps(import_cli("imports", "apply", "delighted", "delighted", *SURVEY, "--json"))
        stored = {name: step["stored"] for (name, _), step in applied.items()}
        assert stored["survey_responses.json"]["new"] == (0 if repeated else 4)
        assert stored["people.json"]["new"] == (0 if repeated else 1)
        assert stored["unsubscribes.json"]["opted_out"] == (0 if repeated else 1)
        assert stored["bounces.json"]["bounced"] == (0 if repeated else 1)
    [row] = query_rows(
        import_cli, "SELECT comment, tags, notes, follow_up, collected_by FROM responses WHERE score = 10"
    )
    assert row[0] == "=2+3"
    assert json.loads(row[1]) == ["vip"]
    assert json.loads(row[2]) == [{"text": "Called back", "at": "2026-11-18T11:06:40+00:00"}], "without its author"
    assert json.loads(row[3]) == [{"name": "enum_z", "question": "What did you enjoy?", "answer": "Staff"}]
    assert row[4] == "import"
    assert query_rows(import_cli, "SELECT count(*) FROM deliveries") == [(0,)]
    assert query_rows(import_cli, "SELECT max(until) FROM cooldowns")[0][0].startswith("2027-09-14"), "next due date"
    [(public_id,)] = query_rows(import_cli, "SELECT public_id FROM responses WHERE score = 10")
    shown = import_cli("responses", "show", public_id).out
    assert "vip" in shown
    assert "Called back" in shown
    assert "What did you enjoy?" in shown
    audited = query_rows(import_cli, "SELECT DISTINCT command FROM audit_log")
    assert audited == [("imports apply",)]


@pytest.mark.parametrize(("definition", "nps"), [("all", "0.0"), ("latest", "33.3")])
def test_verify_recounts_by_a_second_reader(import_cli, delighted, definition, nps):
    import_cli("imports", "apply", "delighted", "delighted", *SURVEY)
    arguments = ("imports", "verify", "delighted", "delighted", *SURVEY, "--definition", definition)
    result = import_cli(*arguments, "--expect-nps", nps, "--json")
    assert result.code == 0, result.err
    verified = json.loads(result.out)
    assert (verified["equal"], verified["opted_out"], verified["reachable"]) == (True, 2, [])
    assert import_cli(*arguments, "--expect-nps", "12").code == 1


def test_verify_knows_a_person_without_an_address_expanded_or_not(import_cli, delighted):
    nameless = {"id": "7", "email": None, "phone_number": "+33612345678"}
    rows = [response(91, "7", 2, NOW - 40 * DAY), response(92, nameless, 9, NOW - 3 * DAY)]
    (delighted / "phone.json").write_text(json.dumps(rows), encoding="utf-8")
    import_cli("imports", "apply", "delighted", "delighted", *SURVEY)
    result = import_cli("imports", "verify", "delighted", "delighted", *SURVEY, "--definition", "latest", "--json")
    assert json.loads(result.out)["equal"], result.out


def test_verify_finds_a_lost_response_and_a_reachable_opt_out(import_cli, delighted):
    import_cli("imports", "apply", "delighted", "delighted", *SURVEY)
    with sqlite3.connect(import_cli.folder / "nps-connect.db") as database:
        database.execute("UPDATE responses SET score = 8 WHERE score = 0")
        database.execute("DELETE FROM suppressions WHERE reason = 'bounced'")
    result = import_cli("imports", "verify", "delighted", "delighted", *SURVEY, "--json")
    assert result.code == 1
    verified = json.loads(result.out)
    assert verified["differing"] == ["2026-10", "total"]
    assert verified["reachable"] == [{"file": "bounces.json", "line": 1}]


def test_responses_that_lose_their_texts_are_counted_before_the_import(import_cli, delighted):
    rows = [response(81, "1", 9, NOW - 1000 * DAY, comment="Old"), response(82, "1", 9, NOW - 1001 * DAY),
            response(83, "1", 9, NOW - 1002 * DAY, additional_answers=[ENJOYED]),
            response(84, "1", 9, NOW - 1003 * DAY, notes=[NOTE])]  # fmt: skip
    (delighted / "old.json").write_text(json.dumps(rows), encoding="utf-8")
    planned = import_cli("imports", "plan", "delighted", "delighted", *SURVEY, "--json")
    assert steps(planned)["old.json", "responses"]["comments_dropped"] == 3
    for command in ("plan", "apply"):
        warning = " ".join(import_cli("imports", command, "delighted", "delighted", *SURVEY).err.split())
        assert (
            "3 new responses have a comment, notes or further answers older than retention.comments (731d)" in warning
        )
    assert query_rows(import_cli, "SELECT count(*) FROM responses WHERE comment = 'Old'") == [(0,)]
    verified = json.loads(import_cli("imports", "verify", "delighted", "delighted", *SURVEY, "--json").out)
    assert (verified["equal"], verified["without_texts"]) == (True, 3)
    again = import_cli("imports", "plan", "delighted", "delighted", *SURVEY)
    assert "retention.comments" not in again.err, "stored already"


def test_later_rows_may_have_another_shape(import_cli, delighted):
    """The first thousand rows name the person by id, the later ones by the object that the API writes on request."""
    rows = [response(1000 + number, "1", 9, NOW - number * 60) for number in range(1001)]
    rows += [response(5000, {"id": "8", "email": "late@example.com", "name": "Late"}, 3, NOW)]
    (delighted / "survey_responses.json").write_text(json.dumps(rows[:1001]) + json.dumps(rows[1001:]))
    applied = steps(import_cli("imports", "apply", "delighted", "delighted", *SURVEY, "--json"))
    assert applied["survey_responses.json", "responses"]["stored"]["new"] == 1002
    assert query_rows(import_cli, "SELECT name FROM contacts WHERE email = 'late@example.com'") == [("Late",)]
    assert import_cli("imports", "verify", "delighted", "delighted", *SURVEY, "--definition", "latest").code == 0


def test_many_pages_have_one_summary(import_cli, delighted):
    people = [*PEOPLE, PEOPLE[1] | {"id": "5", "email": "due@example.com", "next_survey_scheduled_at": NOW + 90 * DAY}]
    (delighted / "people.json").write_text(json.dumps(people), encoding="utf-8")
    for number in range(30):
        (delighted / f"page-{number:02}.json").write_text(
            json.dumps([response(200 + number, "1", 9, NOW - number * DAY)])
        )
    (delighted / "page-99.json").write_text(json.dumps([response(200, "1", 9, NOW)]))
    planned = import_cli("imports", "plan", "delighted", "delighted", *SURVEY)
    summary, _, details = planned.out.partition("\n\n")
    assert re.findall(r"^(\w+) +(\d+) +(\d+) +(\d+) +(\d+) +(\d+)$", summary, re.MULTILINE) == [
        ("suppressions", "2", "2", "0", "0", "0"),
        ("invitations", "1", "1", "0", "1", "0"),
        ("responses", "32", "34", "0", "0", "4"),
    ]  # fmt: skip
    rejecting, _, samples = details.partition("\n\n")
    assert re.findall(r"^(\S+\.json)", rejecting, re.MULTILINE) == ["page-99.json", "survey_responses.json"]
    assert samples.count("page-") <= 3
    assert "page-00.json and 31 more files: responses, UTF-8, JSON" in planned.err
    applied = import_cli("imports", "apply", "delighted", "delighted", *SURVEY)
    assert re.search(r"^responses\nfiles +32\nnew +34$", applied.out, re.MULTILINE)
    assert [output.err.count("page-") <= 5 for output in (planned, applied)] == [True, True]
    assert steps(import_cli("imports", "plan", "delighted", "delighted", *SURVEY, "--json"))[
        "page-07.json", "responses"
    ]


def test_opted_out_people_are_found_by_their_id(import_cli, delighted):
    """The files of opt-outs and bounces are named before the file of people, and verified against the stored ones."""
    by_id = {"bounces": [{"person_id": "1", "email": None, "bounced_at": 1}],
             "unsubscribes": [{"person_id": "2", "email": "", "unsubscribed_at": 1},
                              {"person_id": "4", "email": None, "unsubscribed_at": 1}]}  # fmt: skip
    for name, rows in by_id.items():
        (delighted / f"{name}.json").write_text(json.dumps(rows), encoding="utf-8")
    names = [f"delighted/{name}.json" for name in ("unsubscribes", "bounces", "survey_responses", "people")]
    applied = steps(import_cli("imports", "apply", "delighted", *names, *SURVEY, "--json"))
    assert applied["unsubscribes.json", "suppressions"]["stored"]["opted_out"] == 1
    assert applied["unsubscribes.json", "suppressions"]["rejected"]["reasons"] == {"no_address": 1}, "phone only"
    assert applied["bounces.json", "suppressions"]["stored"]["bounced"] == 1
    verified = import_cli("imports", "verify", "delighted", *names, *SURVEY, "--json")
    assert (verified.code, json.loads(verified.out)["opted_out"]) == (0, 2)
    with sqlite3.connect(import_cli.folder / "nps-connect.db") as database:
        database.execute("DELETE FROM suppressions WHERE reason = 'opted_out'")
    verified = json.loads(import_cli("imports", "verify", "delighted", *names, *SURVEY, "--json").out)
    assert verified["reachable"] == [{"file": "unsubscribes.json", "line": 1}]


def test_opted_out_people_without_address_and_person_are_reported(import_cli, delighted):
    rows = [*UNSUBSCRIBED, {"person_id": "77", "email": None, "unsubscribed_at": 1}]
    (delighted / "unsubscribes.json").write_text(json.dumps(rows), encoding="utf-8")
    import_cli("imports", "apply", "delighted", "delighted", *SURVEY)
    result = import_cli("imports", "verify", "delighted", "delighted", *SURVEY, "--json")
    assert result.code == 1
    assert json.loads(result.out)["unidentified"] == [{"file": "unsubscribes.json", "line": 2}]
    printed = import_cli("imports", "verify", "delighted", "delighted", *SURVEY)
    assert "unsubscribes.json entry 2" in printed.out
    planned = import_cli("imports", "plan", "delighted", "delighted", *SURVEY)
    assert "1 opt-out or bounce is rejected; whoever they name can still be asked" in planned.err


def test_files_that_are_not_recognised_name_the_missing_column(import_cli):
    (import_cli.folder / "list.csv").write_text("id,scores,created_at\n1,9,1790000000\n", encoding="utf-8")
    result = import_cli("imports", "plan", "delighted", "list.csv", *SURVEY)
    assert result.code == 1
    assert "list.csv is no file of delighted: responses without 'score' (nearest: 'scores')" in " ".join(
        result.err.split()
    )
    assert import_cli("imports", "plan", "delightd", "list.csv", *SURVEY).code == 2


def test_a_time_without_zone_needs_the_option(import_cli):
    (import_cli.folder / "plain.csv").write_text(
        "email,score,date\nzoe@example.com,9,2026-01-31 14:05\n", encoding="utf-16"
    )
    result = import_cli("imports", "plan", "plain", "plain.csv", *SURVEY)
    assert result.code == 1
    assert "plain.csv, line 2: a time without a time zone" in " ".join(result.err.split())
    assert import_cli("imports", "plan", "plain", "plain.csv", *SURVEY, "--timezone", "Asia/Tokyo").code == 0


@pytest.mark.parametrize(("source", "kinds"), [
    ("asknicely", {"suppressions": 1, "invitations": 1, "responses": 1}),
    ("retently", {"responses": 1}),
])  # fmt: skip
def test_pages_of_other_apis_are_recognised(import_cli, source, kinds):
    names = []
    for name, page in ARCHIVES[source].items():
        (import_cli.folder / name).write_text(json.dumps(page, indent=1), encoding="utf-8")
        names.append(name)
    applied = steps(import_cli("imports", "apply", source, *names, *SURVEY, "--json"))
    assert {kind: step["rows"] for (_, kind), step in applied.items()} == kinds
    [(score, notes)] = query_rows(import_cli, "SELECT score, notes FROM responses")
    assert (score, len(json.loads(notes))) == (8, 1)
    assert import_cli("imports", "verify", source, *names, *SURVEY).code == 0


def test_plain_files_by_a_mapping_with_kinds(import_cli):
    files = {
        "answers.csv": "Mail;Punkte;Wann;Warum\nzoe@example.com;9;2026-01-31T14:05:00Z;Preis\n",
        "asked.csv": "Mail;Gefragt\npaul@example.com;2026-11-10\n",
        "stop.csv": "Mail\nno@example.com\n",
    }
    for name, text in files.items():
        (import_cli.folder / name).write_text(text, encoding="cp1252")
    mapping = ("email=Mail", "score=Punkte", "answered_at=Wann", "people.email=Mail", "people.sent_at=Gefragt",
               "unsubscribes.email=Mail")  # fmt: skip
    options = [part for column in mapping for part in ("--column", column)]
    names = ("responses=answers.csv", "people=asked.csv", "unsubscribes=stop.csv")
    result = import_cli(
        "imports", "apply", "plain", *names, *SURVEY, *options, "--answer", "Warum", "--timezone", "UTC", "--json"
    )
    assert {kind: step["rows"] for (_, kind), step in steps(result).items()} == {
        "suppressions": 1, "invitations": 1, "responses": 1,
    }  # fmt: skip
    [(follow_up,)] = query_rows(import_cli, "SELECT follow_up FROM responses")
    assert json.loads(follow_up) == [{"name": "imported", "question": "Warum", "answer": "Preis"}]


def test_french_columns_are_recognised(import_cli):
    text = "Courriel;Note;Commentaire;Date de réponse\nzoe@example.com;9;Bien;31/01/2026 09:15\n"
    (import_cli.folder / "export.csv").write_text(text, encoding="cp1252")
    result = import_cli("imports", "apply", "plain", "export.csv", *SURVEY, "--timezone", "Europe/Paris", "--json")
    assert steps(result)["export.csv", "responses"]["stored"]["new"] == 1


def test_the_second_reader_is_short_and_shares_no_code():
    source = inspect.getsource(second_reader)
    assert len(source.splitlines()) < 60
    modules = re.findall(r"^(?:from|import) (\S+)", source, re.MULTILINE)
    assert set(modules) <= {"csv", "json", "re", "collections.abc", "datetime", "io", "pathlib", "typing"}


def test_pages_that_overlap_count_once(import_cli, delighted):
    (delighted / "more.json").write_text(json.dumps(RESPONSES[1:3]), encoding="utf-8")
    applied = steps(import_cli("imports", "apply", "delighted", "delighted", *SURVEY, "--json"))
    assert sum(step["stored"]["new"] for (_, kind), step in applied.items() if kind == "responses") == 4
    verified = json.loads(import_cli("imports", "verify", "delighted", "delighted", *SURVEY, "--json").out)
    assert verified["equal"]
    assert verified["months"][-1]["files"]["responses"] == 4
