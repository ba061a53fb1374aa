"""Findings look the same in every command, and fit the terminal."""

from __future__ import annotations

import pytest

from nps_connect import Finding
from nps_connect.cli._support.findings_output import print_findings

FOUND = [
    Finding(severity="ok", subject="crm", text="account 7"),
    Finding(id="quota-low", severity="warning", subject="crm", text="12 calls are left", fix="no action needed"),
    Finding(
        id="vendor-unreachable",
        severity="error",
        subject="crm",
        text="Acme cannot be reached, checked 3 minutes ago",
        fix="nps-connect connections check crm",
    ),
]


def printed(capsys, monkeypatch, columns, **options):
    monkeypatch.setenv("COLUMNS", str(columns))
    print_findings(FOUND, **options)
    return capsys.readouterr().out


def test_the_worst_is_first_with_its_kind_and_fix(capsys, monkeypatch):
    assert printed(capsys, monkeypatch, 80) == (
        "✗ crm: Acme cannot be reached, checked 3 minutes ago [vendor-unreachable]\n"
        "    Fix: nps-connect connections check crm\n"
        "! crm: 12 calls are left [quota-low]\n"
        "    Fix: no action needed\n"
        "✓ crm: account 7\n"
    )


def test_reasons_stand_between_a_problem_and_its_fix(capsys, monkeypatch):
    lines = printed(capsys, monkeypatch, 80, with_reasons=True).splitlines()
    assert lines[1:3] == ["    Deliveries to it wait.", "    Fix: nps-connect connections check crm"]
    assert lines[-1] == "✓ crm: account 7"


@pytest.mark.parametrize("columns", [40, 80])
def test_lines_fit_the_terminal(capsys, monkeypatch, columns):
    lines = printed(capsys, monkeypatch, columns, with_reasons=True).splitlines()
    assert max(map(len, lines)) <= columns


def test_narrow_lines_are_wrapped_with_an_indent(capsys, monkeypatch):
    assert printed(capsys, monkeypatch, 40).startswith(
        "✗ crm: Acme cannot be reached, checked\n    3 minutes ago [vendor-unreachable]\n    Fix: nps-connect connections check\n    crm\n"
    )
