"""``nps-connect doctor``: everything that needs attention, on one page."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from nps_connect.cli._support.actor import audit_command
from nps_connect.cli._support.findings_output import print_findings
from nps_connect.cli._support.options import READ_TIMEOUT_SECONDS, Options, command
from nps_connect.cli._support.output import pluralize, print_json

if TYPE_CHECKING:
    from nps_connect.cli._support.options import CheckedConfig
    from nps_connect.ledger.ledger import Ledger
    from nps_connect.records.findings import Finding

COMMANDS = {
    "mail": "Send a test mail and check its SPF, DKIM and DMARC results.",
    "prove": "Play invented people through the configuration on simulated vendors.",
}

REPORTED_BY_OTHERS = frozenset({"review-policy", "shadow-mode"})
"""Findings on the configuration that the checks of connections and the ledger report too."""


@command
@click.option("--offline", is_flag=True, help="Use no network: check configuration, database and this machine only.")
def doctor(options: Options, offline: bool, as_json: bool) -> None:
    """Check everything and show what needs attention, worst first: what, why, and how to fix it.

    Checks the configuration, the database, the processes, the public address and every connection, all within 20
    seconds. A pause caused by a vendor's 401 or 403 ends when its check passes. Exit code 1 if something needs
    attention, 2 if the configuration is invalid.
    """
    from nps_connect.ledger.ledger import Ledger

    checked = options.load_checked()
    url = checked.settings.core.database_url.get_secret_value()
    ledger = Ledger(url, timeout_seconds=READ_TIMEOUT_SECONDS)
    try:
        findings, is_complete = _diagnose(options, checked, ledger, offline=offline)
    finally:
        ledger.close()
    problems = [finding for finding in findings if finding.severity != "ok"]
    if as_json:
        rows = [{**finding.model_dump(mode="json"), "why": finding.kind.why} for finding in findings]
        print_json({"ok": not problems, "offline": offline, "complete": is_complete, "findings": rows})
    else:
        _print_page(findings, offline=offline, is_complete=is_complete)
    if problems:
        raise click.exceptions.Exit(1)


def _diagnose(options: Options, checked: CheckedConfig, ledger: Ledger, *, offline: bool) -> tuple[list[Finding], bool]:
    """Return the findings, worst first, and whether the database could be used, without which less is checked."""
    from nps_connect.app.application import build_application
    from nps_connect.cli._support.config_findings import config_findings
    from nps_connect.connection import SteadyClock
    from nps_connect.ledger.state_dir import open_state_dir
    from nps_connect.services.operations.database_findings import disk_findings, find_unusable_database
    from nps_connect.services.operations.doctor import CHECK_TIMEOUT, diagnose, sort_findings
    from nps_connect.services.operations.public_url_check import build_probe

    config = [finding for finding in config_findings(checked, options.path) if finding.id not in REPORTED_BY_OTHERS]
    unusable = find_unusable_database(ledger)
    if unusable is not None:
        return sort_findings([unusable, *config, *disk_findings(ledger, open_state_dir(checked.settings))]), False
    settings, plugins, connections = checked
    application = build_application(settings, plugins, connections, ledger, clock=SteadyClock())
    probe = None if offline else build_probe()
    try:
        diagnosis = diagnose(application.ctx, probe, timeout=CHECK_TIMEOUT)
        if diagnosis.resumed:
            with ledger.write() as session:
                audit_command(session, ", ".join(diagnosis.resumed))
        return sort_findings([*config, *diagnosis.findings]), True
    finally:
        if probe is not None:
            probe.close()
        application.close()


def _print_page(findings: list[Finding], *, offline: bool, is_complete: bool) -> None:
    problems = [finding for finding in findings if finding.severity != "ok"]
    print_findings(problems, with_reasons=True)
    errors = sum(finding.severity == "error" for finding in problems)
    warnings = pluralize(len(problems) - errors, "warning", "warnings")
    passed = pluralize(len(findings) - len(problems), "check", "checks")
    click.echo(f"{pluralize(errors, 'error', 'errors')}, {warnings}; {passed} passed.")
    if not is_complete:
        click.echo("The connections were not checked: the database cannot be used.")
    elif offline:
        click.echo("The network was not used (--offline).")
    if problems:
        click.echo("The words in brackets are explained in docs/findings.md.")
