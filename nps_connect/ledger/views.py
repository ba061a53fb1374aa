"""SQL views for tools that read the database: their columns stay, whatever becomes of the tables behind them.

They hold no address, no name, no secret and no free text of staff, no figures about single employees, and follow each
erasure, because they hold no data of their own. They are made anew after the migrations, so that a migration may
rebuild the tables behind them: SQLite refuses that while a view reads them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection

from nps_connect.records.base import NPS_SCALE

VIEWS_SINCE = "2024"
"""The schema version from which on the tables have what the views read."""

SEGMENT = (
    "CASE WHEN {score} >= 9 THEN 'promoter' WHEN {score} >= 7 THEN 'passive' WHEN {score} >= 0 THEN 'detractor' END"
)
LOCATION = "LEFT JOIN response_dimensions AS l ON l.response_id = r.id AND l.name = 'location'"
IS_CONFIRMED = "r.revision > 0 AND r.conflicting_at IS NULL"
STAFF_DIMENSIONS = "'owner', 'team'"
"""Dimensions whose figures can be about single employees."""


@dataclass(frozen=True)
class View:
    """A view, the same on both databases.

    Attributes:
        purpose: what one row is, for the documentation.
        columns: the SQL of each column, with what it holds, for the documentation.
        source: the FROM clause and what follows.
    """

    purpose: str
    columns: Mapping[str, tuple[str, str]]
    source: str


def _sum(condition: str) -> str:
    return f"CAST(SUM(CASE WHEN {condition} THEN f.count ELSE 0 END) AS BIGINT)"


_SCORE = "CAST(f.value AS INTEGER)"

VIEWS: Mapping[str, View] = {
    "v_nps_daily": View(
        "the confirmed responses of one day, survey and value of one dimension; choose one dimension, because each "
        "response counts in every one. They stay when responses are deleted or emptied",
        {
            "day": ("f.day", "calendar day in the company's time zone"),
            "survey": ("f.survey", "name of the survey"),
            "dimension": ("f.dimension", "`touchpoint`, `language`, `collected_by`, or a name of `[core.dimensions]`"),
            "value": ("{value}", "the touchpoint, or the value of the dimension"),
            "responses": (_sum("TRUE"), "number of responses"),
            "promoters": (_sum(f"{_SCORE} >= 9"), "of them, scores 9 and 10"),
            "passives": (_sum(f"{_SCORE} BETWEEN 7 AND 8"), "of them, scores 7 and 8"),
            "detractors": (_sum(f"{_SCORE} <= 6"), "of them, scores 0 to 6"),
        },
        f"FROM daily_figures AS f WHERE f.scale = '{NPS_SCALE}' AND f.count > 0 "
        f"AND f.dimension NOT IN ({STAFF_DIMENSIONS}) GROUP BY f.day, f.survey, f.dimension, f.dimensions",
    ),
    "v_responses": View(
        "a confirmed response in its newest revision",
        {
            "response_id": ("r.public_id", "id, as in the command line and the API"),
            "survey": ("r.survey", "name of the survey"),
            "touchpoint": ("r.touchpoint", "label of the moment"),
            "scale": ("r.scale", f"`{NPS_SCALE}`, or another one of imported responses"),
            "score": ("r.score", "the score"),
            "segment": (
                f"CASE WHEN r.scale = '{NPS_SCALE}' THEN {SEGMENT.format(score='r.score')} END",
                "`promoter`, `passive` or `detractor`; NULL on other scales",
            ),
            "comment": ("r.comment", "the comment; NULL after its retention or an erasure"),
            "language": ("r.language", "of the page"),
            "collected_by": ("r.collected_by", "`web`, `email`, `phone`, `paper`, `kiosk` or `import`"),
            "sent_at": ("i.sent_at", "when the survey was sent (UTC)"),
            "answered_at": ("r.answered_at", "when the newest revision was given (UTC)"),
            "revision": ("r.revision", "1, or more if the response was changed"),
            "do_not_contact": ("r.do_not_contact", "the customer asks not to be contacted about it"),
            "connection": ("c.connection", "connection that the customer is from"),
            "contact_id": (
                "CASE WHEN c.erased_at IS NULL THEN c.vendor_id END",
                "id of the contact there; NULL after an erasure",
            ),
            "location": ("l.value", "the dimension `location`, if the configuration has it"),
        },
        "FROM responses AS r JOIN survey_invitations AS i ON i.id = r.invitation_id "
        f"JOIN contacts AS c ON c.id = r.contact_id {LOCATION} "
        f"WHERE {IS_CONFIRMED}",
    ),
    "v_deliveries": View(
        "one action for one subject: a mail, a written score, a ticket, ...",
        {
            "delivery_key": ("d.key", "idempotency key, as in the command line"),
            "connection": ("d.connection", "connection that carries it out"),
            "action": ("d.action", "what is done, such as `send_survey`"),
            "state": ("d.state", "`pending`, `running`, `succeeded`, `skipped`, `dead`, `cancelled` or `held`"),
            "in_doubt": ("d.in_doubt", "it may have been carried out"),
            "reason": ("COALESCE(d.cancel_code, d.hold_code, d.error_kind)", "code of why it is not done, or failed"),
            "attempts": ("d.attempts", "tries that count against the retry plan"),
            "created_at": ("d.created_at", "when it was planned (UTC)"),
            "due_at": ("d.due_at", "when it may start (UTC)"),
            "started_at": ("d.first_started_at", "first try (UTC)"),
            "finished_at": ("d.finished_at", "when it ended (UTC)"),
            "response_id": ("COALESCE(r.public_id, answer.public_id)", "response that it is about or led to, or NULL"),
        },
        "FROM deliveries AS d LEFT JOIN responses AS r ON r.id = d.response_id "
        "LEFT JOIN responses AS answer ON d.response_id IS NULL AND answer.invitation_id = d.invitation_id",
    ),
    "v_decisions": View(
        "what one trigger decided on one event",
        {
            "event_key": ("e.key", "key of the event"),
            "connection": ("e.connection", "connection that the event is from"),
            "event_kind": ("e.kind", "such as `deal.won`"),
            "occurred_at": ("e.occurred_at", "when the fact became true (UTC)"),
            "trigger_name": ("d.trigger", "name of the trigger"),
            "survey": ("d.survey", "name of the survey"),
            "verdict": ("d.verdict", "`yes`, `no`, `deferred`, `held`, `released` or `again`"),
            "reason": ("d.reason", "reason in one word, such as `cooldown`"),
            "decided_at": ("d.decided_at", "when it was decided (UTC)"),
            "eligible_at": ("d.eligible_at", "until when it is deferred (UTC), or NULL"),
        },
        "FROM decisions AS d JOIN events AS e ON e.id = d.event_id",
    ),
    "v_cases": View(
        "a detractor to be won back",
        {
            "response_id": ("r.public_id", "response of the detractor"),
            "survey": ("r.survey", "name of the survey"),
            "touchpoint": ("r.touchpoint", "label of the moment"),
            "score": ("r.score", "the score, in its newest revision"),
            "state": ("k.state", "`open` or `solved`"),
            "opened_at": ("k.opened_at", "when the case was opened (UTC)"),
            "deadline": ("k.deadline", "when a reply is due (UTC)"),
            "solved_at": ("k.solved_at", "when it was solved (UTC)"),
            "first_reply_minutes": ("k.first_reply_minutes", "minutes to the first reply"),
            "solve_minutes": ("k.solve_minutes", "minutes until it was solved"),
            "reopened": ("k.reopened", "how often it was reopened"),
            "recovered_at": ("k.recovered_at", "when the customer gave a better score (UTC)"),
            "recovered_score": ("k.recovered_score", "that score"),
            "location": ("l.value", "the dimension `location`, if the configuration has it"),
            "remedies": (
                "NULLIF(CAST(k.remedies AS TEXT), 'null')",
                'what was done, as a JSON list such as `["apology", "fix"]`, or NULL',
            ),
        },
        f"FROM cases AS k JOIN responses AS r ON r.id = k.response_id {LOCATION}",
    ),
}

_VALUE = {
    "sqlite": "json_extract(f.dimensions, '$.\"' || f.dimension || '\"')",
    "postgresql": "CAST(f.dimensions AS json) ->> f.dimension",
}
"""The value in the JSON object of a daily figure; names of dimensions are letters, digits, dashes and underscores."""


def drop_views(connection: Connection) -> None:
    """Drop the views on SQLite, before tables are rebuilt; PostgreSQL keeps them, with the rights on them."""
    if connection.dialect.name == "sqlite":
        for name in VIEWS:
            connection.exec_driver_sql(f"DROP VIEW IF EXISTS {name}")


def create_views(connection: Connection) -> None:
    """Create the views, or replace them."""
    for name, view in VIEWS.items():
        connection.exec_driver_sql(_statement(connection, name, view))


def _statement(connection: Connection, name: str, view: View) -> str:
    dialect = connection.dialect.name
    columns = ", ".join(f"{sql} AS {column}" for column, (sql, _) in view.columns.items())
    create = "CREATE VIEW" if dialect == "sqlite" else "CREATE OR REPLACE VIEW"
    return f"{create} {name} AS SELECT {columns} {view.source}".replace("{value}", _VALUE[dialect])
