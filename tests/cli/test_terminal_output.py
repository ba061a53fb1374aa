"""No text from outside can control the terminal, in whatever field it arrived."""

from __future__ import annotations

import json
import unicodedata

import pytest
from rich.text import Text
from sqlalchemy import text

from nps_connect.cli._support.output import console, print_table

HOSTILE = "\x1b[2J\x1b]52;c;ZXZpbA==\x07\x9b31m\u202egpj.exe\u2066\U000e0041\r"
BIDI_CONTROLS = set("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def unsafe_characters(output: str) -> set[str]:
    """What acts on a terminal instead of showing: control, bidirectional and tag characters."""
    return {
        char
        for char in output
        if (unicodedata.category(char) == "Cc" and char not in "\n\t")
        or char in BIDI_CONTROLS
        or 0xE0000 <= ord(char) <= 0xE007F
    }


@pytest.fixture
def hostile_cli(seeded_cli):
    """Run commands on a database in which every text from outside is hostile, as if nothing had cleaned it before."""
    with seeded_cli.application.ledger.write() as session:
        for table, column in (
            ("contacts", "vendor_id"),
            ("contacts", "name"),
            ("contacts", "email"),
            ("responses", "comment"),
            ("response_revisions", "comment"),
            ("events", "key"),
            ("events", "object_id"),
            ("decisions", "detail"),
            ("attempts", "message"),
            ("deliveries", "receipt_id"),
        ):
            session.execute(text(f"UPDATE {table} SET {column} = {column} || :hostile"), {"hostile": HOSTILE})
    return seeded_cli


COMMANDS = [
    ("status",),
    ("events", "list"),
    ("events", "show", "1"),
    ("deliveries", "list"),
    ("deliveries", "list", "--state", "dead"),
    ("deliveries", "show", "1"),
    ("responses", "list"),
    ("responses", "list", "--provisional"),
    ("responses", "export"),
    ("responses", "export", "--raw"),
    ("contacts", "show", "crm:1" + HOSTILE),
    ("contacts", "show", "crm:nobody" + HOSTILE),
    ("explain", "crm:3" + HOSTILE),
    ("cases", "list"),
    ("report",),
]


@pytest.mark.parametrize("as_json", [False, True], ids=["text", "json"])
@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: " ".join(command[:2]))
def test_no_command_prints_control_characters(hostile_cli, command, as_json):
    result = hostile_cli(*command, *(["--json"] if as_json else []))
    assert unsafe_characters(result.out + result.err) == set()
    assert result.code in (0, 1)
    if as_json and result.code == 0:
        json.loads(result.out)


def test_json_keeps_control_characters_in_escaped_form(hostile_cli):
    [marie] = [row for row in json.loads(hostile_cli("responses", "list", "--json").out)["items"] if row["score"] == 10]
    assert marie["comment"] == "Parfait" + HOSTILE


def test_error_messages_are_clean(hostile_cli):
    result = hostile_cli("events", "show", "0" + HOSTILE)
    assert result.code != 0
    assert unsafe_characters(result.err) == set()


def test_the_styles_of_a_console_reach_the_terminal_and_those_in_texts_do_not(monkeypatch, capsys):
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.delenv("NO_COLOR", raising=False)
    console().print(Text(f"Eve{HOSTILE}", style="bold red"), "שלום 👩‍👩‍👧")
    printed = capsys.readouterr().out
    assert printed.startswith("\x1b[1;31mEve[2J]52;c;ZXZpbA==31mgpj.exe")
    assert printed.endswith("שלום 👩‍👩‍👧\n")
    assert "\x1b[2J" not in printed


def test_a_table_shows_hostile_texts_cleaned(capsys):
    print_table(["name", "score"], [[f"Eve{HOSTILE}", 3]], empty="none")
    assert "Eve[2J]52;c;ZXZpbA==31mgpj.exe" in capsys.readouterr().out
