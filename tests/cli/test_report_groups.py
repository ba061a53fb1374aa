"""`nps-connect report --by`, `--compare` and `--format`, and `staff-figures`."""

from __future__ import annotations

import csv
import io
import json
from datetime import timedelta

import pytest
from sqlalchemy import select

from nps_connect.ledger.audit_log import AuditRow


def report_json(cli, *arguments):
    return json.loads(cli("report", "--json", *arguments).out)


def test_groups_with_their_figures_and_the_total(seeded_cli):
    report = report_json(seeded_cli, "--by", "touchpoint")
    assert [(group["value"], group["responses"]) for group in report["groups"]] == [("after-purchase", 3)]
    assert (report["responses"], report["score"], report["hidden_groups"]) == (3, 0.0, [])
    shown = seeded_cli("report", "--by", "touchpoint").out
    assert ("after-purchase" in shown, "all responses" in shown, "too small to judge" in shown) == (True, True, True)


def test_the_period_before_is_compared_without_claims_on_few_responses(seeded_cli):
    first = seeded_cli.application.clock() - timedelta(days=30)
    report = report_json(seeded_cli, "--compare", "previous", "--since", first.date().isoformat(), "--by", "survey")
    assert report["earlier_until"] == report["since"]
    (group,) = report["groups"]
    assert (group["earlier"]["responses"], group["difference"]["is_beyond_noise"]) == (0, False)
    assert "too small to judge" in seeded_cli("report", "--compare", "previous").out


def test_formats(seeded_cli, tmp_path):
    path = tmp_path / "report.csv"
    assert seeded_cli("report", "--by", "language", "--format", "csv", "--output", str(path)).code == 0
    text = path.read_bytes().decode()
    assert text.startswith("\ufefflanguage;NPS;low;")
    rows = list(csv.reader(io.StringIO(text.lstrip("\ufeff")), delimiter=";"))
    assert (rows[1][:4], rows[-1][0]) == (["fr", "0,0", "-61,1", "61,1"], "all responses")
    assert len({len(row) for row in rows}) == 1
    assert seeded_cli("report", "--format", "csv").out.startswith("group;NPS;")
    assert "| language | NPS |" in seeded_cli("report", "--by", "language", "--format", "md").out
    page = seeded_cli("report", "--by", "language", "--format", "html").out
    assert '<th scope="row">fr</th>' in page
    assert seeded_cli("report", "--output", str(path)).code == 2


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["--by", "touchpiont"], "did you mean 'touchpoint'?"),
        (["--by", "language", "--latest"], "--latest cannot be combined"),
        (["--compare", "previous", "--since", "2026-02-01", "--until", "2026-01-01"], "ends after it starts"),
    ],
)
def test_what_cannot_be_reported(seeded_cli, arguments, problem):
    result = seeded_cli("report", *arguments)
    assert (result.code, problem in result.err) == (2, True), result.err


def test_figures_about_staff_are_switched_with_a_reason(seeded_cli):
    assert "are off" in seeded_cli("staff-figures", "show").out
    assert seeded_cli("staff-figures", "on", "--reason", "short", "--yes").code == 2
    result = seeded_cli("staff-figures", "on", "--reason", "staff was told in May", "--yes")
    assert (result.code, "works council" in result.err) == (0, True)
    assert json.loads(seeded_cli("staff-figures", "show", "--json").out)["reason"] == "staff was told in May"
    seeded_cli("staff-figures", "off", "--reason", "asked by the council", "--yes")
    with seeded_cli.application.ledger.read() as session:
        commands = session.execute(select(AuditRow.command)).scalars().all()
    assert commands[-2:] == ["staff figures on", "staff figures off"]
