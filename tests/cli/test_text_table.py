"""Tables fit the terminal: the last column is wrapped, goes below its row, or the rows become records."""

from __future__ import annotations

import pytest
from rich.cells import cell_len

from nps_connect.cli._support.output import print_fields, print_table
from nps_connect.cli._support.text_table import layout_table, wrap

HEADINGS = ("id", "state", "action", "due", "details")
ROWS = (
    ("12", "dead", "open_ticket", "2026-11-17 10:00", "the form is closed; the vendor says so at length"),
    ("3", "pending", "send_survey", "2026-11-18 10:00", ""),
)


def test_a_wide_terminal_shows_one_line_per_row():
    assert layout_table(HEADINGS, ROWS, 200) == [
        "id  state    action       due               details",
        "──  ───────  ───────────  ────────────────  ────────────────────────────────────────────────",
        "12  dead     open_ticket  2026-11-17 10:00  the form is closed; the vendor says so at length",
        "3   pending  send_survey  2026-11-18 10:00",
    ]


def test_the_last_column_is_wrapped():
    lines = layout_table(HEADINGS, ROWS, 80)
    assert lines[2:4] == [
        "12  dead     open_ticket  2026-11-17 10:00  the form is closed; the vendor says",
        "                                            so at length",
    ]


def test_the_last_column_goes_below_its_row():
    assert layout_table(HEADINGS, ROWS, 60) == [
        "id  state    action       due",
        "──  ───────  ───────────  ────────────────",
        "12  dead     open_ticket  2026-11-17 10:00",
        "    the form is closed; the vendor says so at length",
        "3   pending  send_survey  2026-11-18 10:00",
    ]


def test_a_narrow_terminal_shows_records():
    assert layout_table(HEADINGS, ROWS, 40) == [
        "id       12",
        "state    dead",
        "action   open_ticket",
        "due      2026-11-17 10:00",
        "details  the form is closed; the vendor",
        "         says so at length",
        "",
        "id       3",
        "state    pending",
        "action   send_survey",
        "due      2026-11-18 10:00",
    ]


@pytest.mark.parametrize("width", [24, 40, 60, 80, 120])
def test_no_line_is_wider_than_the_terminal(width):
    rows = [*ROWS, ("7", "held", "send_alert", "", "x" * 300 + " 漢字" * 30)]
    assert max(map(cell_len, layout_table(HEADINGS, rows, width))) <= width


def test_empty_columns_are_left_out_and_line_ends_become_spaces():
    assert layout_table(("a", "b", "c"), [("1", "", "x\ny")], 80)[0::2] == ["a  c", "1  x y"]
    assert layout_table(("a",), [("",)], 80) == []


def test_words_longer_than_a_line_are_broken():
    assert wrap("ab cdefgh i", 4) == ["ab", "cdef", "gh i"]


def test_the_zone_of_times_is_named(seeded_cli):
    assert "Times: Europe/Paris" in seeded_cli("deliveries", "list").out
    in_utc = seeded_cli("deliveries", "list", "--utc").out
    assert "Times: UTC" in in_utc
    assert "2026-11-20 09:00" in in_utc
    assert "CET" in seeded_cli("deliveries", "show", "1").out
    assert "CET" not in seeded_cli("deliveries", "show", "1", "--utc").out


def test_a_table_without_times_names_no_zone(capsys):
    print_table(["name"], [["mail"]], empty="none")
    print_fields({"name": "mail", "empty": None})
    assert capsys.readouterr().out == "name\n────\nmail\n\nname  mail\n"
