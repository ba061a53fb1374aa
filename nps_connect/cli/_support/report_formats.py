"""Formats of a report by groups: table, JSON, CSV for a spreadsheet, Markdown and HTML."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import asdict
from html import escape
from typing import TYPE_CHECKING, Any

from nps_connect.rendering.exports import UTF8_BOM
from nps_connect.rules.formula_injection import escape_formula

if TYPE_CHECKING:
    from nps_connect.services.reports.group_report import GroupReport, ReportRow

ALL_RESPONSES = "all responses"
NOT_STATED = "not stated"
NO_VALUE = "-"

_COLUMNS = ("NPS", "low", "high", "responses", "promoters", "passives", "detractors")
_COMPARED = ("earlier NPS", "earlier responses", "change", "change low", "change high", "note")


def columns(dimension: str | None, *, is_compared: bool) -> list[str]:
    """Return the headings of the table."""
    return [dimension or "group", *_COLUMNS, *(_COMPARED if is_compared else ("note",))]


def cells(row: ReportRow) -> list[str]:
    """Return one row of the table."""
    name = ALL_RESPONSES if row.group is None else row.group or NOT_STATED
    figure = row.figure
    numbers = [figure.responses, figure.promoters, figure.passives, figure.detractors]
    shown = [name, *map(_signed, (figure.score, figure.low, figure.high)), *map(str, numbers)]
    if row.earlier is None or row.difference is None:
        return [*shown, "too small to judge" if figure.too_small else ""]
    change = map(_signed, (row.difference.points, row.difference.low, row.difference.high))
    return [*shown, _signed(row.earlier.score), str(row.earlier.responses), *change, verdict(row)]


def verdict(row: ReportRow) -> str:
    """Return what the comparison of a row says."""
    if row.difference is None or row.difference.too_small:
        return "too small to judge"
    if not row.has_changed:
        return "within the margin of error"
    return "better" if (row.difference.points or 0) > 0 else "worse"


def notes(report: GroupReport) -> list[str]:
    """Return what a reader of the table has to know."""
    remarks: list[str] = []
    if report.hidden:
        remarks.append(
            "Not shown, because it would be about single employees: "
            f"{', '.join(name or NOT_STATED for name in report.hidden)}. See: nps-connect staff-figures show"
        )
    if report.mix:
        ways = ", ".join(sorted(report.mix.differing))
        remarks.append(f"The responses of both periods were collected in different ways ({ways}): compare with care.")
    return remarks


def render_csv(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table that a French Excel opens by itself: semicolons, decimal commas, a byte order mark."""
    stream = io.StringIO()
    writer = csv.writer(stream, delimiter=";", lineterminator="\r\n")
    writer.writerow(headings)
    writer.writerows([escape_formula(row[0]), *map(_decimal_comma, row[1:])] for row in rows)
    return UTF8_BOM + stream.getvalue()


def render_markdown(headings: Sequence[str], rows: Sequence[Sequence[str]], remarks: Sequence[str]) -> str:
    """Return the table in Markdown."""

    def line(texts: Sequence[str]) -> str:
        return f"| {' | '.join(text.replace('|', chr(92) + '|') for text in texts)} |"

    table = [line(headings), line(["---", *["---:"] * (len(headings) - 2), "---"]), *map(line, rows)]
    return "\n".join([*table, *(f"\n{remark}" for remark in remarks)]) + "\n"


def render_html(title: str, headings: Sequence[str], rows: Sequence[Sequence[str]], remarks: Sequence[str]) -> str:
    """Return a page of its own with the table."""
    head = "".join(f'<th scope="col">{escape(text)}</th>' for text in headings)
    body = "\n".join(
        f'<tr><th scope="row">{escape(row[0])}</th>{"".join(f"<td>{escape(text)}</td>" for text in row[1:])}</tr>'
        for row in rows
    )
    paragraphs = "\n".join(f"<p>{escape(remark)}</p>" for remark in remarks)
    return (
        f'<!doctype html>\n<html lang="en">\n<head><meta charset="utf-8"><title>{escape(title)}</title></head>\n'
        f"<body>\n<h1>{escape(title)}</h1>\n<table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody>\n"
        f"</table>\n{paragraphs}\n</body>\n</html>\n"
    )


def report_json(report: GroupReport) -> dict[str, Any]:
    """Return the report for programs."""
    mix = report.mix
    return {
        **_row_json(report.total),
        "groups": [{"value": row.group, **_row_json(row)} for row in report.rows],
        "hidden_groups": list(report.hidden),
        "collected_differently": sorted(mix.differing) if mix is not None else [],
    }


def _row_json(row: ReportRow) -> dict[str, Any]:
    if row.earlier is None or row.difference is None:
        return asdict(row.figure)
    difference = {**asdict(row.difference), "is_beyond_noise": row.has_changed}
    return {**asdict(row.figure), "earlier": asdict(row.earlier), "difference": difference}


def _decimal_comma(text: str) -> str:
    """Return a number as a spreadsheet in French reads it; other texts, which are ours, unchanged."""
    try:
        float(text)
    except ValueError:
        return "" if text == NO_VALUE else text
    return text.removeprefix("+").replace(".", ",")


def _signed(value: float | None) -> str:
    return NO_VALUE if value is None else f"{value:+.1f}"
