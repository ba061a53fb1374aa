"""`nps-connect responses export` as CSV, JSON and JSON lines."""

import csv
import io
import json
import sqlite3
import stat
from contextlib import closing

import pytest
from support.spreadsheet_files import write_csv


@pytest.fixture
def responses_cli(configured_cli, sqlite_template):
    """Run commands on a database with three responses, two with cells that a spreadsheet interprets as formulas."""
    (configured_cli.folder / "nps-connect.db").write_bytes(sqlite_template.read_bytes())
    name = write_csv(
        configured_cli.folder,
        "history.csv",
        ("id", "email", "name", "score", "comment", "date"),
        ("1", "zoe@example.com", "Zoé", "10", '=HYPERLINK("http://x.example.com")', "2025-10-01 12:00"),
        ("2", "jerome@example.com", "Jérôme", "3", '"Trop lent; vraiment"', "2025-11-01 12:00"),
        ("3", "paul@example.com", "+Paul", "8", "", "2025-12-01 12:00"),
    )
    assert configured_cli("responses", "import", name, "--survey", "after-purchase").code == 0
    return configured_cli


def parse_rows(text, delimiter=","):
    return list(csv.DictReader(io.StringIO(text), delimiter=delimiter))


def test_responses_are_exported_oldest_first_with_contact_data(responses_cli):
    rows = parse_rows(responses_cli("responses", "export").out)
    assert [row["score"] for row in rows] == ["10", "3", "8"]
    assert rows[1] | {"id": "", "contact": ""} == {
        "id": "",
        "survey": "after-purchase",
        "touchpoint": "after-purchase",
        "scale": "nps-0-10",
        "score": "3",
        "segment": "detractor",
        "comment": "Trop lent; vraiment",
        "language": "fr",
        "answered_at": "2025-11-01T12:00:00+01:00",
        "contact": "",
        "email": "jerome@example.com",
        "name": "Jérôme",
        "do_not_contact": "no",
        "revision": "1",
        "origin": "imported",
        "collected_by": "import",
        "sent_at": "2025-11-01T12:00:00+01:00",
        "tags": "",
        "notes": "",
        "follow_up": "",
        "review_platforms": "",
        "location": "",
    }


def test_formulas_are_escaped_unless_raw(responses_cli):
    rows = parse_rows(responses_cli("responses", "export").out)
    assert rows[0]["comment"] == '\'=HYPERLINK("http://x.example.com")'
    assert rows[2]["name"] == "'+Paul"
    raw_rows = parse_rows(responses_cli("responses", "export", "--raw").out)
    assert raw_rows[0]["comment"] == '=HYPERLINK("http://x.example.com")'


def test_export_for_french_excel(responses_cli):
    result = responses_cli("responses", "export", "--delimiter", "semicolon", "--excel", "--output", "out.csv")
    assert (result.code, result.out) == (0, "")
    assert "3 responses written to out.csv" in result.err
    body = (responses_cli.folder / "out.csv").read_bytes()
    assert body.startswith(b"\xef\xbb\xbfid;survey;")
    assert [row["name"] for row in parse_rows(body.decode("utf-8-sig"), ";")] == ["Zoé", "Jérôme", "'+Paul"]


@pytest.mark.parametrize(
    ("arguments", "scores"),
    [
        (("--segment", "detractor"), [3]),
        (("--since", "2025-11-01"), [3, 8]),
        (("--until", "2025-11-01"), [10, 3]),
        (("--survey", "after-purchase", "--segment", "promoter"), [10]),
    ],
)
def test_export_filters(responses_cli, arguments, scores):
    assert [
        row["score"] for row in json.loads(responses_cli("responses", "export", "--json", *arguments).out)["items"]
    ] == scores


@pytest.fixture
def shops_cli(responses_cli):
    """The response with score 3 belongs to Lyon, the others to Paris; Lyon's team has one member."""
    config = responses_cli.folder / "nps-connect.toml"
    groups = """
        [core.dimensions]
        location = "shop"
        owner = "owner"
        [teams.lyon]
        where = "location == 'Lyon'"
        members = ["julie@example.com"]
    """
    config.write_text(config.read_text(encoding="utf-8") + groups, encoding="utf-8")
    with closing(sqlite3.connect(responses_cli.folder / "nps-connect.db")) as connection, connection:
        connection.execute(
            "INSERT INTO response_dimensions (response_id, name, value) "
            "SELECT id, 'location', CASE score WHEN 3 THEN 'Lyon' ELSE 'Paris' END FROM responses"
        )
    return responses_cli


def test_export_of_groups(shops_cli):
    def export(*groups):
        arguments = [argument for group in groups for argument in ("--group", group)]
        rows = json.loads(shops_cli("responses", "export", "--json", *arguments).out)["items"]
        return [(row["score"], row["location"]) for row in rows]

    assert export("location=Paris") == [(10, "Paris"), (8, "Paris")]
    assert export("location=Lyon", "collected_by=import") == [(3, "Lyon")]
    assert export("location=Lyon", "collected_by=web") == []


@pytest.mark.parametrize("group", ["location", "city=Lyon", "team=paris", "team=lyon", "owner=Julie"])
def test_unknown_groups_and_single_employees_are_refused(shops_cli, group):
    result = shops_cli("responses", "export", "--group", group)
    assert (result.code, result.out) == (2, "")
    assert f"--group {group}" in result.err


def test_json_export_is_not_escaped(responses_cli):
    rows = json.loads(responses_cli("responses", "export", "--json").out)["items"]
    assert rows[0]["comment"] == '=HYPERLINK("http://x.example.com")'
    assert (rows[2]["comment"], rows[2]["do_not_contact"]) == (None, False)


def test_json_lines_are_the_items_of_the_json_export(responses_cli):
    lines = responses_cli("responses", "export", "--json-lines").out.splitlines()
    assert [json.loads(line) for line in lines] == json.loads(responses_cli("responses", "export", "--json").out)[
        "items"
    ]


def test_invalid_options(responses_cli):
    assert responses_cli("responses", "export", "--json", "--json-lines").code == 2
    assert responses_cli("responses", "export", "--since", "hier").code == 2
    result = responses_cli("responses", "export", "--output", "nowhere/out.csv")
    assert result.code == 1
    assert "cannot write nowhere/out.csv" in result.err


@pytest.mark.parametrize("exists", [False, True], ids=["new file", "existing file"])
def test_only_the_owner_may_read_an_export(responses_cli, exists):
    output = responses_cli.folder / "responses.csv"
    if exists:
        output.touch(0o644)
    assert responses_cli("responses", "export", "--output", str(output)).code == 0
    assert stat.S_IMODE(output.stat().st_mode) == 0o600


def test_an_export_can_be_written_to_a_device(responses_cli):
    assert responses_cli("responses", "export", "--output", "/dev/null").code == 0
