"""`nps-connect responses export`: for spreadsheets and for programs."""

import csv
import io
import json

import pytest
from support.spreadsheet_files import write_csv


@pytest.fixture
def answered(configured, sqlite_template):
    """A database with three answers, one of which a spreadsheet would calculate."""
    (configured.folder / "nps-connect.db").write_bytes(sqlite_template.read_bytes())
    name = write_csv(
        configured.folder,
        "history.csv",
        ("id", "email", "name", "score", "comment", "date"),
        ("1", "zoe@example.com", "Zoé", "10", '=HYPERLINK("http://x.example.com")', "2025-10-01 12:00"),
        ("2", "jerome@example.com", "Jérôme", "3", '"Trop lent; vraiment"', "2025-11-01 12:00"),
        ("3", "paul@example.com", "+Paul", "8", "", "2025-12-01 12:00"),
    )
    assert configured("responses", "import", name, "--survey", "after-purchase").code == 0
    return configured


def rows(text, delimiter=","):
    return list(csv.DictReader(io.StringIO(text), delimiter=delimiter))


def test_answers_come_oldest_first_with_who_gave_them(answered):
    found = rows(answered("responses", "export").out)
    assert [row["score"] for row in found] == ["10", "3", "8"]
    assert found[1] | {"id": "", "contact": ""} == {
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
    }


def test_no_cell_is_a_formula_unless_raw(answered):
    found = rows(answered("responses", "export").out)
    assert found[0]["comment"] == '\'=HYPERLINK("http://x.example.com")'
    assert found[2]["name"] == "'+Paul"
    raw = rows(answered("responses", "export", "--raw").out)
    assert raw[0]["comment"] == '=HYPERLINK("http://x.example.com")'


def test_french_excel_opens_it(answered):
    result = answered("responses", "export", "--delimiter", "semicolon", "--excel", "--output", "out.csv")
    assert (result.code, result.out) == (0, "")
    assert "3 responses in out.csv" in result.err
    body = (answered.folder / "out.csv").read_bytes()
    assert body.startswith(b"\xef\xbb\xbfid;survey;")
    assert [row["name"] for row in rows(body.decode("utf-8-sig"), ";")] == ["Zoé", "Jérôme", "'+Paul"]


@pytest.mark.parametrize(
    ("arguments", "scores"),
    [
        (("--segment", "detractor"), [3]),
        (("--since", "2025-11-01"), [3, 8]),
        (("--until", "2025-11-01"), [10, 3]),
        (("--survey", "another"), []),
        (("--survey", "after-purchase", "--segment", "promoter"), [10]),
    ],
)
def test_filters_narrow_it(answered, arguments, scores):
    assert [row["score"] for row in json.loads(answered("responses", "export", "--json", *arguments).out)] == scores


def test_programs_get_the_bare_values(answered):
    found = json.loads(answered("responses", "export", "--json").out)
    assert found[0]["comment"] == '=HYPERLINK("http://x.example.com")'
    assert (found[2]["comment"], found[2]["do_not_contact"]) == (None, False)


def test_mistakes_are_told(answered):
    assert answered("responses", "export", "--since", "hier").code == 2
    result = answered("responses", "export", "--output", "nowhere/out.csv")
    assert result.code == 1
    assert "cannot write nowhere/out.csv" in result.err
