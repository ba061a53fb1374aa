"""``nps-connect doctor prove``."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from nps_connect.cli._support.findings_output import INDENT, print_findings, wrap_lines
from nps_connect.cli._support.options import CheckedConfig, Options, command
from nps_connect.cli._support.output import pluralize, print_json

if TYPE_CHECKING:
    from nps_connect.proof.prove import ProofReport
    from nps_connect.records.snapshots import SnapshotFile


@command
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True, help="Choose other people and faults.")
def prove(options: Options, seed: int, as_json: bool) -> None:
    """Play invented people through a twin of this configuration; nothing is sent, no network is used.

    The twin runs on simulated vendors with injected faults, in virtual time. Checked: each trigger fires, each segment
    reaches its routes, opt-outs are respected, quiet times end, links open, tickets and scores arrive, nothing happens
    twice; the [[expect]] tables; and, after `connections snapshot`, the accounts' fields, stages and permissions.

    Exit code 1 if something is wrong. The same seed on the same day prints the same.
    """
    from nps_connect.proof.prove import prove as prove_configuration
    from nps_connect.proof.twin import ProvedConfiguration
    from nps_connect.services.operations.account_snapshots import load_snapshots, snapshot_path

    config = options.load_checked()
    snapshots = load_snapshots(snapshot_path(options.path))
    with _quiet_log():
        report = prove_configuration(
            ProvedConfiguration(
                config.settings, config.plugins, config.connections, snapshots.connections if snapshots else {}
            ),
            now=_start_of_play(config),
            seed=seed,
        )
    if as_json:
        print_json(_report_json(report, snapshots, seed))
    else:
        _print(report, snapshots)
    if report.findings:
        raise click.exceptions.Exit(1)


def _start_of_play(config: CheckedConfig) -> datetime:
    """Return today at nine in the company's time zone, so that a day's proofs are the same."""
    from nps_connect.connection import system_clock

    zone = config.settings.core.zone
    start = system_clock().astimezone(zone).replace(hour=9, minute=0, second=0, microsecond=0)
    return start.astimezone(UTC)


@contextmanager
def _quiet_log() -> Iterator[None]:
    """Log nothing until the end of the block: the injected faults are no news."""
    disabled = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(disabled)


def _report_json(report: ProofReport, snapshots: SnapshotFile | None, seed: int) -> dict[str, object]:
    return {
        "seed": seed,
        "findings": [finding.model_dump(mode="json") for finding in report.findings],
        "not_proved": [{"subject": part.subject, "text": part.text} for part in report.not_proved],
        "played": {
            "people": report.people,
            "mails": report.mails,
            "responses": report.responses,
            "faults": report.faults,
            "expectations": report.expectations,
        },
        "snapshot_taken_at": snapshots.taken_at if snapshots else None,
    }


def _print(report: ProofReport, snapshots: SnapshotFile | None) -> None:
    print_findings(report.findings, with_reasons=True)
    for part in report.not_proved:
        first, *others = wrap_lines(f"not proved: {part.text}")
        for line in (f"- {first}", *(f"{INDENT}{line}" for line in others)):
            click.echo(line)
    played = [
        pluralize(report.people, "person", "people"),
        pluralize(report.mails, "mail", "mails"),
        pluralize(report.responses, "response", "responses"),
        pluralize(report.faults, "injected fault", "injected faults"),
        pluralize(report.expectations, "expectation", "expectations"),
    ]
    snapshot_day = f"; snapshot of {snapshots.taken_at:%Y-%m-%d}" if snapshots else ""
    click.echo(f"Played: {', '.join(played)}{snapshot_day}")
    verdict = pluralize(len(report.findings), "finding", "findings") if report.findings else "no finding"
    click.echo(f"{verdict}, {pluralize(len(report.not_proved), 'part', 'parts')} not proved")
