"""A complete small plugin, correct in every respect; the kit's own tests break it in one respect at a time."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from pydantic import SecretStr

from nps_connect import (
    ActionInfo,
    CaseOutcome,
    Connection,
    ConnectionSettings,
    ConnectorInfo,
    Contact,
    ContactKey,
    ContactMatch,
    DeliveryError,
    DeliveryView,
    Event,
    EventKind,
    EventPage,
    ExampleConfiguration,
    Finding,
    Quota,
    Receipt,
    ScoreUpdate,
    SetupChange,
    TargetGone,
    TicketDraft,
    TicketUpdate,
    WebhookRejected,
    WebhookRequest,
    fact_key,
    hookimpl,
)

KINDS = (EventKind(name="deal.won", description="A deal is won."),)


class AcmeSettings(ConnectionSettings):
    token: SecretStr
    webhook_secret: SecretStr


def _refine(error: DeliveryError, response, now) -> DeliveryError:
    body = response.json_or_none()
    if isinstance(body, dict) and isinstance(body.get("why"), str):
        error.message = f"{error.message}: {body['why']}"
    return error


@hookimpl
def nps_connector() -> ConnectorInfo:
    return ConnectorInfo(
        name="acme",
        title="Acme",
        settings=AcmeSettings,
        actions=(
            ActionInfo(action="write_score", batch_size=10),
            ActionInfo(action="write_case_outcome", batch_size=10),
            ActionInfo(action="open_ticket"),
            ActionInfo(action="update_ticket"),
        ),
        events=KINDS,
        quotas=(Quota(calls=10, seconds=1),),
        base_url=lambda settings: str(settings.base_url or "https://api.acme.example.com/v1"),
        auth=lambda connection: {"Authorization": f"Bearer {connection.settings.token.get_secret_value()}"},
        refine=_refine,
        idempotency_header="Idempotency-Key",
        webhooks=True,
        polling=True,
        example=ExampleConfiguration(
            connection="crm",
            table='[connections.crm]\nplugin = "acme"\ntoken = { env = "ACME_TOKEN" }\n'
            'webhook_secret = { env = "ACME_SECRET" }\n',
            triggers='[[triggers]]\non = "deal.won"\nfrom = "crm"\nsurvey = "after-purchase"\n',
            routes='[[routes]]\non = "any"\ndo = "write_score"\nvia = "crm"\n',
            environment={"ACME_TOKEN": "put-the-token-here", "ACME_SECRET": "put-the-secret-here"},
        ),
    )


@hookimpl
def nps_verify_webhook(connection: Connection, request: WebhookRequest) -> None:
    moment = request.headers.get("x-acme-time", "")
    secret = connection.settings.webhook_secret.get_secret_value()
    expected = hmac.new(secret.encode(), f"{moment}.".encode() + request.body, hashlib.sha256).hexdigest()
    if not hmac.compare_digest(expected.encode(), request.headers.get("x-acme-signature", "").encode()):
        raise WebhookRejected("signature", "x-acme-signature does not match")
    if abs(request.received_at - datetime.fromtimestamp(int(moment) / 1000, UTC)) > timedelta(minutes=5):
        raise WebhookRejected("stale", "x-acme-time is more than 5 minutes away")


@hookimpl
def nps_parse_events(connection: Connection, request: WebhookRequest) -> list[Event]:
    try:
        return [_event(fact) for fact in json.loads(request.body)["sent"] if fact["type"] == "deal.won"]
    except (ValueError, TypeError, LookupError, AttributeError, OverflowError, RecursionError) as error:
        raise WebhookRejected("unreadable", type(error).__name__) from None


def _event(fact) -> Event:
    moment = datetime.fromtimestamp(fact["at"] / 1000, UTC)
    return Event(
        key=fact_key("deal.won", fact["deal"], moment),
        kind="deal.won",
        object_id=fact["deal"],
        occurred_at=moment,
        contact_key=ContactKey(kind="id", value=fact["person"]),
    )


@hookimpl
def nps_poll_events(connection: Connection, cursor: str | None) -> EventPage:
    now = round(connection.clock().timestamp() * 1000)
    path, params = "/events", {"after": cursor or now}
    response = connection.http.call_json("GET", path, action="poll_events", idempotent=True, params=params)
    facts = [fact for fact in response["events"] if fact["type"] == "deal.won"]
    return EventPage(events=tuple(_event(fact) for fact in facts), cursor=str(response["now"]))


@hookimpl
def nps_find_contacts(connection: Connection, keys: Sequence[ContactKey]) -> list[ContactMatch]:
    if not keys:
        return []
    query = {
        "emails": [key.value for key in keys if key.kind == "email"],
        "ids": [key.value for key in keys if key.kind == "id"],
    }
    response = connection.http.call_json("POST", "/people/search", action="find_contacts", idempotent=True, json=query)
    people = [
        Contact(
            connection=connection.name,
            **{name: person[name] for name in ("id", "email", "name", "language", "opted_out")},
        )
        for person in response["people"]
    ]
    return [ContactMatch(key=key, contacts=tuple(person for person in people if _matches(key, person))) for key in keys]


def _matches(key: ContactKey, person: Contact) -> bool:
    return person.id == key.value if key.kind == "id" else person.email == key.value.lower()


@hookimpl
def nps_complete_events(connection: Connection, events: Sequence[Event], fields: Sequence[str]) -> list[Event]:
    matches = nps_find_contacts(connection, [event.contact_key for event in events if event.contact_key])
    return [event.model_copy(update={"contacts": match.contacts}) for event, match in zip(events, matches, strict=True)]


@hookimpl
def nps_write_scores(connection: Connection, updates: Sequence[ScoreUpdate]) -> list[Receipt | DeliveryError]:
    rows = [
        {
            "id": update.contact.id,
            "score": update.response.score,
            "comment": update.response.comment,
            "at": round(update.response.answered_at.timestamp() * 1000),
        }
        for update in updates
    ]
    response = connection.http.call_json(
        "POST", "/people/scores", action="write_score", idempotent=True, json={"rows": rows}
    )
    return [
        Receipt(id=result["id"]) if result["found"] else TargetGone("Acme does not know this person")
        for result in response["results"]
    ]


@hookimpl
def nps_write_case_outcomes(connection: Connection, outcomes: Sequence[CaseOutcome]) -> list[Receipt | DeliveryError]:
    rows = [
        {
            "id": outcome.contact.id,
            "state": outcome.state,
            "agent": outcome.handled_by,
            "order": [round(outcome.opened_at.timestamp() * 1000), outcome.revision],
        }
        for outcome in outcomes
    ]
    response = connection.http.call_json(
        "POST", "/people/cases", action="write_case_outcome", idempotent=True, json={"rows": rows}
    )
    return [
        Receipt(id=result["id"]) if result["found"] else TargetGone("Acme does not know this person")
        for result in response["results"]
    ]


@hookimpl
def nps_open_tickets(connection: Connection, drafts: Sequence[TicketDraft]) -> list[Receipt | DeliveryError]:
    return [_open_ticket(connection, draft) for draft in drafts]


def _open_ticket(connection: Connection, draft: TicketDraft) -> Receipt | DeliveryError:
    body = {
        "external_id": draft.external_id,
        "email": draft.contact.email,
        "subject": draft.subject,
        "body": draft.body,
    }
    try:
        response = connection.http.call_json(
            "POST", "/tickets", action="open_ticket", idempotent=False, json=body, idempotency_key=draft.idempotency_key
        )
    except DeliveryError as error:
        return error
    return Receipt(id=response["ticket"]["id"])


@hookimpl
def nps_find_existing(connection: Connection, delivery: DeliveryView) -> Receipt | None:
    if not isinstance(delivery.payload, TicketDraft):
        return None
    params = {"external_id": delivery.payload.external_id}
    response = connection.http.call_json("GET", "/tickets", action="find_existing", idempotent=True, params=params)
    return Receipt(id=response["tickets"][0]["id"]) if response["tickets"] else None


@hookimpl
def nps_update_tickets(connection: Connection, updates: Sequence[TicketUpdate]) -> list[Receipt | DeliveryError]:
    outcomes: list[Receipt | DeliveryError] = []
    for update in updates:
        note = {"ticket": update.ticket_id, "key": update.idempotency_key, "body": update.body}
        connection.http.call_json("POST", "/tickets/notes", action="update_ticket", idempotent=True, json=note)
        outcomes.append(Receipt(id=update.ticket_id))
    return outcomes


@hookimpl
def nps_check(connection: Connection) -> list[Finding]:
    account = connection.http.call_json("GET", "/me", action="check", idempotent=True)
    return [Finding(severity="ok", text=f"connected as {account['name']}")]


@hookimpl
def nps_plan_setup(connection: Connection) -> list[SetupChange]:
    response = connection.http.call_json("GET", "/fields", action="set_up", idempotent=True)
    is_missing = "nps" not in response["fields"]
    return [SetupChange(id="field:nps", change="create", text="create the field nps")] if is_missing else []


@hookimpl
def nps_apply_setup(connection: Connection, changes: Sequence[SetupChange]) -> list[SetupChange]:
    for _change in changes:
        connection.http.call("POST", "/fields", action="set_up", idempotent=False, json={"name": "nps"})
    return list(changes)
