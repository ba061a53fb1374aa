"""From responses to Deskly: scores and tickets."""

from __future__ import annotations

from collections.abc import Sequence

from nps_connect import (
    Connection,
    DeliveryError,
    DeliveryView,
    Finding,
    Receipt,
    ScoreUpdate,
    TargetGone,
    TicketDraft,
    TicketUpdate,
    hookimpl,
    map_outcomes,
)
from nps_connect_deskly.settings import DesklySettings

SCOPES = ("people", "tickets")


@hookimpl
def nps_write_scores(
    connection: Connection[DesklySettings], updates: Sequence[ScoreUpdate]
) -> list[Receipt | DeliveryError]:
    """Write a batch of scores in one request. Deskly keeps the newer of two values by `at`, so repeating is safe."""
    rows = [
        {
            "id": update.contact.id,
            "score": update.response.score,
            "comment": _comment(update),
            "at": round(update.response.answered_at.timestamp() * 1000),
        }
        for update in updates
    ]
    answer = connection.http.call_json(
        "POST", "/people/scores", action="write_score", idempotent=True, json={"rows": rows}
    )
    result_by_id = {result["id"]: result["result"] for result in answer["results"]}
    return [_score_outcome(update.contact.id, result_by_id.get(update.contact.id)) for update in updates]


def _comment(update: ScoreUpdate) -> str | None:
    if update.comment_policy == "full":
        return update.response.comment
    return update.comment_link if update.comment_policy == "link" else None


def _score_outcome(contact_id: str, result: str | None) -> Receipt | DeliveryError:
    if result == "written":
        return Receipt(id=contact_id)
    if result == "older":
        return Receipt(id=contact_id, note="a newer score was already there")
    return TargetGone("Deskly does not know this person")


@hookimpl
def nps_open_tickets(
    connection: Connection[DesklySettings], drafts: Sequence[TicketDraft]
) -> list[Receipt | DeliveryError]:
    """Open one ticket per draft; Deskly answers a repeated idempotency key with the first ticket."""

    def open_ticket(draft: TicketDraft) -> Receipt:
        ticket = {
            "external_id": draft.external_id,
            "person": draft.contact.id if draft.contact.connection == connection.name else None,
            "email": draft.contact.email,
            "subject": draft.subject,
            "body": draft.body,
            "priority": draft.priority,
            "tags": list(draft.tags),
        }
        answer = connection.http.call_json(
            "POST",
            "/tickets",
            action="open_ticket",
            idempotent=False,
            json=ticket,
            idempotency_key=draft.idempotency_key,
        )
        return Receipt(id=answer["id"], link=answer.get("link"))

    return map_outcomes(drafts, open_ticket)


@hookimpl
def nps_find_existing(connection: Connection[DesklySettings], delivery: DeliveryView) -> Receipt | None:
    """Look for the ticket of a delivery in doubt. The other actions are safe to repeat, so nothing is looked up."""
    if not isinstance(delivery.payload, TicketDraft):
        return None
    answer = connection.http.call_json(
        "GET",
        "/tickets",
        action="find_existing",
        idempotent=True,
        params={"external_id": delivery.payload.external_id},
    )
    tickets = answer["tickets"]
    return Receipt(id=tickets[0]["id"], link=tickets[0].get("link")) if tickets else None


@hookimpl
def nps_update_tickets(
    connection: Connection[DesklySettings], updates: Sequence[TicketUpdate]
) -> list[Receipt | DeliveryError]:
    """Add a private note to each ticket; Deskly stores one note per key, so repeating is safe."""

    def update_ticket(update: TicketUpdate) -> Receipt:
        note = {
            "ticket": update.ticket_id,
            "key": update.idempotency_key,
            "body": update.body,
            "priority": update.priority,
            "add_tags": list(update.tags),
        }
        connection.http.call_json("POST", "/tickets/notes", action="update_ticket", idempotent=True, json=note)
        return Receipt(id=update.ticket_id)

    return map_outcomes(updates, update_ticket)


@hookimpl
def nps_check(connection: Connection[DesklySettings]) -> list[Finding]:
    """Report whom the token belongs to, and each scope that it lacks."""
    account = connection.http.call_json("GET", "/me", action="check", idempotent=True)
    findings = [Finding(severity="ok", text=f"connected as {account['name']}")]
    for scope in SCOPES:
        if scope not in account["scopes"]:
            text, fix = f"the token lacks the scope {scope}", f"add the scope {scope} in Deskly: Settings > API"
            findings.append(Finding(severity="error", text=text, fix=fix))
    return findings
