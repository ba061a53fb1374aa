"""The status as Prometheus metrics."""

from __future__ import annotations

import math
from collections.abc import Mapping

from nps_connect.services.operations.connection_status import ConnectionStatus
from nps_connect.services.operations.status import SystemStatus


def render_metrics(status: SystemStatus) -> str:
    """Render the status as Prometheus text (exposition format 0.0.4)."""
    intakes = {
        name: connection
        for name, connection in status.connections.items()
        if connection.events != "none" or connection.undecided
    }
    ages = {name: _age_seconds(status, intake) for name, intake in intakes.items()}
    missed = {name: intake.missed for name, intake in intakes.items()}
    undecided = {name: intake.undecided for name, intake in intakes.items()}
    unreadable = {name: intake.unreadable for name, intake in intakes.items()}
    metrics: tuple[tuple[str, str, Mapping[str, float]], ...] = (
        ("surveys_today", "Surveys sent today.", {"": status.surveys_today}),
        (
            "database_unusable",
            "1 if the disk of the database is full or fails.",
            {"": status.storage_problem is not None},
        ),
        ("surveys_per_day", "The cap on surveys per day.", {"": status.surveys_per_day}),
        ("paused", "Paused scopes.", _label("scope", dict.fromkeys((pause.scope for pause in status.paused), 1))),
        ("held_decisions", "Decisions held for an operator.", _label("trigger", status.held)),
        (
            "deliveries",
            "Deliveries by state, pending ones up to 10,000 per queue.",
            _label("state", status.deliveries),
        ),
        ("to_confirm", "Unconfirmed detractors of a day ago without signs of a bot.", {"": status.to_confirm}),
        (
            "connection_failing",
            "1 if the last call to a connection's vendor, or its last check, failed.",
            _label("connection", {name: connection.is_failing for name, connection in status.connections.items()}),
        ),
        ("last_event_age_seconds", "Age of the newest event; +Inf before the first.", _label("connection", ages)),
        (
            "events_missed",
            "Facts of the last 30 days that no webhook reported and the reconciliation found.",
            _label("connection", missed),
        ),
        ("events_undecided", "Events without a decision yet.", _label("connection", undecided)),
        ("moments_corrected", "Moments of 7 days that a wrong clock had set.", {"": status.moments_corrected}),
        ("events_unreadable", "Webhooks that could not be read.", _label("connection", unreadable)),
    )
    lines: list[str] = []
    for name, text, samples in metrics:
        metric = f"nps_connect_{name}"
        lines += [f"# HELP {metric} {text}", f"# TYPE {metric} gauge"]
        lines += [
            f"{metric}{label} {'+Inf' if math.isinf(value) else f'{value:g}'}" for label, value in samples.items()
        ]
    return "".join(f"{line}\n" for line in lines)


def _label(label: str, values: Mapping[str, float]) -> dict[str, float]:
    """Return the values by label in Prometheus syntax, such as ``{state="dead"}``."""
    escapes = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\n"})
    return {f'{{{label}="{name.translate(escapes)}"}}': value for name, value in values.items()}


def _age_seconds(status: SystemStatus, intake: ConnectionStatus) -> float:
    """The age of a connection's newest event, in seconds; infinite before the first."""
    return math.inf if intake.last_event_at is None else (status.at - intake.last_event_at).total_seconds()
