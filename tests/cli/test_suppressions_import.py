"""`nps-connect suppressions import` and `export`."""

import json

import pytest


@pytest.fixture
def lists(seeded_cli):
    def write(text):
        (seeded_cli.folder / "list.csv").write_text(text, encoding="utf-8")
        return "list.csv"

    seeded_cli.write = write
    return seeded_cli


def reasons(cli):
    return sorted(
        (row["reason"], row["of"], row["source"])
        for row in json.loads(cli("suppressions", "list", "--json").out)["items"]
    )


def test_a_list_of_addresses_is_suppressed_once(lists):
    name = lists.write("marie@example.com\nnew@example.com\nnobody\nMARIE@example.com\n")
    planned = lists("suppressions", "import", name, "--dry-run", "--json")
    assert (json.loads(planned.out)["new"], reasons(lists)) == (2, [])
    result = lists("suppressions", "import", name, "--json")
    output = json.loads(result.out)
    assert (output["opted_out"], output["rejected"]["reasons"]) == (2, {"address": 1, "duplicate": 1})
    assert ("opted_out", "person", "import:plain") in reasons(lists)
    assert len(reasons(lists)) == 3
    assert json.loads(lists("suppressions", "import", name, "--json").out)["already_suppressed"] == 2
    commands = {row["command"] for row in json.loads(lists("audit", "list", "--json").out)["items"]}
    assert "suppressions import" in commands


def test_reasons_of_a_file_and_unknown_ones(lists):
    name = lists.write(
        "email,reason\na@example.com,bounce\nb@example.com,Complaint\nc@example.com,because\nd@example.com,\n"
    )
    output = json.loads(lists("suppressions", "import", name, "--json", "--default-reason", "bounced").out)
    assert (output["bounced"], output["objected"], output["rejected"]["reasons"]) == (2, 1, {"reason": 1})


@pytest.mark.parametrize("form", [(), ("--json",)])
def test_another_installation_takes_an_export(lists, form):
    lists(
        "suppressions", "import", lists.write("email,reason\nmarie@example.com,unsubscribed\nx@example.com,bounced\n")
    )
    before = {(row[0], row[1]) for row in reasons(lists)}
    exported = lists("suppressions", "export", *form).out
    assert "example.com" not in exported
    assert lists("suppressions", "remove", "marie@example.com", "--reason", "test", "--i-have-consent").code == 0
    assert lists("suppressions", "remove", "x@example.com", "--reason", "test").code == 0
    assert reasons(lists) == []
    assert lists("suppressions", "import", lists.write(exported)).code == 0
    assert {(row[0], row[1]) for row in reasons(lists)} == before
    assert {row[2] for row in reasons(lists)} == {"import:nps-connect"}
