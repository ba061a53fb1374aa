"""Prove a configuration: build its twin, play people through it, and judge what happened."""

from __future__ import annotations

import tempfile
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from nps_connect.proof.cast import Cast, Choices, build_cast
from nps_connect.proof.expectation_check import check_expectations
from nps_connect.proof.observation import Outcome, observe
from nps_connect.proof.oracles import judge
from nps_connect.proof.play import PlayLog, play
from nps_connect.proof.static_oracles import (
    field_options,
    judge_account_values,
    judge_filters,
    judge_first_days,
    judge_locations,
    judge_quiet_times,
    judge_recipients,
    judge_routes,
    untested_surveys,
)
from nps_connect.proof.twin import ProvedConfiguration, Twin, open_twin
from nps_connect.records.findings import Finding
from nps_connect.services.context import Context
from nps_connect.services.operations.connection_checks import check_connection
from nps_connect.services.reviews.policy import policy_findings

SEVERITY_RANKS = {"error": 0, "warning": 1}


@dataclass(frozen=True)
class NotProved:
    """A part of the configuration about which the proof says nothing.

    Attributes:
        subject: the connection, trigger or survey.
        text: why, one sentence.
    """

    subject: str
    text: str


@dataclass(frozen=True)
class ProofReport:
    """Result of a proof.

    Attributes:
        findings: what is wrong, worst first; empty if nothing is.
        not_proved: what the proof does not cover.
        people, mails, responses, faults: number of people played, of mails sent, of responses, of injected faults.
        expectations: number of ``[[expect]]`` tables.
    """

    findings: tuple[Finding, ...]
    not_proved: tuple[NotProved, ...]
    people: int
    mails: int
    responses: int
    faults: int
    expectations: int


def prove(configuration: ProvedConfiguration, *, now: datetime, seed: int) -> ProofReport:
    """Return what a proof of the configuration finds; the same arguments give the same report.

    Reaches no network and no database but a temporary one.

    Args:
        configuration: the configuration, with the snapshots of its accounts.
        now: the present moment; the play begins then.
        seed: of all random choices.
    """
    with (
        tempfile.TemporaryDirectory(prefix="nps-connect-proof-") as folder,
        open_twin(configuration, Path(folder), now=now, seed=seed) as twin,
    ):
        ctx = twin.application.ctx
        locations = list(judge_locations(ctx, configuration.snapshots))
        explained = {finding.subject or "" for finding in locations}
        findings = [*_check_accounts(twin, configuration, explained), *check_expectations(ctx), *locations]
        choices = _choices(configuration)
        cast = build_cast(ctx.settings, ctx.filters, choices, seed)
        unknown_values = list(judge_account_values(ctx.settings.all_triggers, ctx.filters, configuration.snapshots))
        findings += [*unknown_values, *judge_filters(cast, {finding.subject or "" for finding in unknown_values})]
        findings += [*judge_routes(ctx.settings), *judge_quiet_times(ctx.settings, now)]
        findings += [
            *judge_first_days(configuration.settings.triggers, now),
            *judge_recipients(configuration.settings, cast.players),
        ]
        log = play(twin, cast.players)
        outcomes = observe(twin, cast.players, log)
        findings += [*_refused_webhooks(log), *judge(ctx.settings, outcomes)]
        return _report(twin, configuration, cast, outcomes, findings)


def _check_accounts(twin: Twin, configuration: ProvedConfiguration, explained: Collection[str]) -> Iterator[Finding]:
    """Yield the errors that the plugins' checks find in the accounts of the snapshots, and broken review policies.

    Args:
        twin: the twin.
        configuration: the configuration.
        explained: review platforms whose unknown locations have a finding already.
    """
    ctx = twin.application.ctx
    for name in ctx.connections:
        if name in twin.vendors and name in configuration.snapshots:
            checked = check_connection(ctx, name).findings
            errors = [finding for finding in checked if finding.severity == "error"]
            yield from (finding.model_copy(update={"subject": finding.subject or name}) for finding in errors)
        if any(route.via == name for route in ctx.settings.routes):
            yield from _broken_policies(ctx, name, is_location_explained=name in explained)


def _broken_policies(ctx: Context, name: str, *, is_location_explained: bool) -> Iterator[Finding]:
    for finding in policy_findings(ctx, name):
        if finding.severity != "ok" and not (is_location_explained and finding.id == "location-unknown"):
            yield finding.model_copy(update={"subject": name})


def _choices(configuration: ProvedConfiguration) -> Mapping[str, Choices]:
    """Return the possible values of fields by trigger, as far as snapshots tell them."""
    return {
        trigger.label: {
            name: tuple(options.options) for name, options in field_options(trigger, configuration.snapshots).items()
        }
        for trigger in configuration.settings.all_triggers
    }


def _refused_webhooks(log: PlayLog) -> Iterator[Finding]:
    for name, status in sorted(log.refused_webhooks.items()):
        yield Finding(
            id="webhooks-refused",
            subject=name,
            severity="error",
            text=f"a genuine webhook to {name} was refused with status {status}",
            fix=f"compare the webhook settings of connections.{name} with core.public_url",
        )


def _report(
    twin: Twin, configuration: ProvedConfiguration, cast: Cast, outcomes: list[Outcome], findings: list[Finding]
) -> ProofReport:
    ordered = sorted(
        findings, key=lambda finding: (SEVERITY_RANKS[finding.severity], finding.id, finding.subject or "")
    )
    return ProofReport(
        findings=tuple(ordered),
        not_proved=tuple(_not_proved(twin, configuration, cast)),
        people=len(outcomes),
        mails=len(twin.outbox.messages()),
        responses=sum(outcome.response is not None for outcome in outcomes),
        faults=sum(twin.faults.injected_counts().values()),
        expectations=len(configuration.settings.expect),
    )


def _not_proved(twin: Twin, configuration: ProvedConfiguration, cast: Cast) -> Iterator[NotProved]:
    for name, reason in twin.missing_vendors.items():
        yield NotProved(name, f"connection {name}: {reason}; its events and its API are not proved")
    for name in twin.vendors:
        if name not in configuration.snapshots and twin.application.ctx.has(name, "nps_snapshot"):
            text = f"account of {name}: there is no snapshot of it; run: nps-connect connections snapshot"
            yield NotProved(name, text)
    for label, reason in cast.untested.items():
        yield NotProved(label, f"trigger {label!r}: {reason}")
    for survey in untested_surveys(configuration.settings):
        yield NotProved(survey, f"survey {survey!r}: no trigger leads to it, only invitations by hand")
