"""`Simulated`: the portal behind its HTTP interface, with authentication and quotas."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from email.utils import format_datetime
from threading import RLock
from typing import Any
from zoneinfo import ZoneInfo

from nps_connect import (
    AccountSnapshot,
    FieldValue,
    SimulatedPerson,
    SimulatedVendor,
    VendorEffects,
    VendorReply,
    VendorRequest,
    VendorTable,
    VendorWebhook,
)
from nps_connect_hubspot.simulated.event_log import EventLog
from nps_connect_hubspot.simulated.portal import CONTACT, DEAL, Portal, Record
from nps_connect_hubspot.simulated.quotas import Quotas
from nps_connect_hubspot.simulated.replies import JsonObject, Refusal, correlation_id, reply
from nps_connect_hubspot.simulated.restoration import restore_portal
from nps_connect_hubspot.simulated.routes import Call, find_route, is_search

TOKEN = "pat-eu1-simulated-portal-token"  # noqa: S105  # valid for the simulated portal only
DEVELOPER_KEY = "simulated-developer-key"
DEVELOPER_KEY_PATH = "/app-webhooks/2026-09/"
"""Webhook settings of an app take the developer's key in the query, and no access token
(https://github.com/HubSpot/HubSpot-public-api-spec-collection)."""

SECRET = "simulated-client-secret"  # noqa: S105  # valid for the simulated portal only


CONTACT_COLUMNS = ("Name", "E-mail", "NPS score", "NPS category", "NPS comment", "Opted out")
DEAL_COLUMNS = ("Deal", "Amount", "Stage")


class Simulated(SimulatedVendor):
    """A portal in the European data centre, on the Professional tier.

    Attributes:
        portal: its data; tests may change it.
        quotas: its call limits; tests may change them.
        search_lag: delay of the search index.
    """

    name = "hubspot"

    def __init__(self, clock: Callable[[], datetime] | None = None) -> None:
        super().__init__(*([clock] if clock else []))
        self.portal = Portal()
        self.quotas = Quotas(ZoneInfo("Europe/Paris"))
        self.facts = EventLog(self.portal)
        self.search_lag = timedelta(0)
        self._property_prefix = "nps_"
        self._language_property = "hs_language"
        self._lock = RLock()
        self._requests = 0

    def handle(self, request: VendorRequest) -> VendorReply:
        """Answer one API request."""
        with self._lock:
            self._requests += 1
            now = self.clock()
            common = {
                "x-hubspot-correlation-id": correlation_id(self._requests),
                "date": format_datetime(now, usegmt=True),
            }
            search = is_search(request.path)
            try:
                self._authorise(request)
                self.quotas.count_call(now, search=search)
                response = self._respond(request)
            except Refusal as refusal:
                response = reply(refusal.status, {**refusal.body, "correlationId": common["x-hubspot-correlation-id"]})
            return VendorReply(
                response.status,
                response.body,
                {**response.headers, **common, **self.quotas.headers(now, search=search)},
            )

    def _authorise(self, request: VendorRequest) -> None:
        headers = {name.lower(): value for name, value in request.headers.items()}
        if request.path.startswith(DEVELOPER_KEY_PATH):
            is_valid = request.query.get("hapikey") == DEVELOPER_KEY
        else:
            is_valid = headers.get("authorization") == f"Bearer {TOKEN}"
        if not is_valid:
            # https://github.com/HubSpot/hubspot-api-ruby/issues/181
            raise Refusal(401, "INVALID_AUTHENTICATION", "Authentication credentials not found.")

    def _respond(self, request: VendorRequest) -> VendorReply:
        handler, parts = find_route(request.method, request.path)
        call = Call(
            request=request,
            portal=self.portal,
            quotas=self.quotas,
            now=self.clock(),
            lag=self.search_lag,
            version=parts.pop("v"),
            parts=parts,
            body=_body(request),
        )
        try:
            return handler(call)
        except (AttributeError, KeyError, TypeError, ValueError):  # the body lacks something that the call needs
            raise Refusal(400, "VALIDATION_ERROR", "Invalid input JSON") from None

    def state(self) -> dict[str, Any]:
        """Return every record, definition and preference."""
        with self._lock:
            return {
                "portal_id": self.portal.portal_id,
                "requests": self._requests,
                "refused_for_quota": self.quotas.refused,
                "records": {
                    kind: {
                        record.id: {**record.to_json(record.properties), "archived": record.archived}
                        for record in records.values()
                    }
                    for kind, records in self.portal.records.items()
                },
                "merged": dict(self.portal.survivors),
                "properties": {kind: sorted(definitions) for kind, definitions in self.portal.definitions.items()},
                "preferences": {
                    email: {str(key): state for key, state in states.items()}
                    for email, states in self.portal.statuses.items()
                },
                "webhooks_sent": dict(self.facts.sent),
            }

    def environment(self, base_url: str, connection: str) -> dict[str, str]:
        """Return variables that point the example configuration at this portal, with webhooks."""
        prefix = f"NPS_CONNECT_CONNECTIONS__{connection.upper().replace('-', '_')}"
        return {
            "HUBSPOT_TOKEN": TOKEN,
            f"{prefix}__BASE_URL": base_url,
            f"{prefix}__EVENTS": "webhook",
            f"{prefix}__WEBHOOK_SECRETS": json.dumps([SECRET]),
            f"{prefix}__PORTAL_ID": str(self.portal.portal_id),
            f"{prefix}__PORTAL_TIMEZONE": str(self.quotas.zone),
        }

    def populate(self, people: Sequence[SimulatedPerson]) -> None:
        """Add a contact for each person that has none yet."""
        with self._lock:
            for person in people:
                if self.portal.contact(person.email) is None:
                    self.portal.create(CONTACT, self._contact_properties(person), self.clock())

    def connection_settings(self, settings: Mapping[str, Any], base_url: str) -> dict[str, Any]:
        """Return the settings with this portal's token and secret; the portal takes number and stages from them."""
        if settings.get("portal_id"):
            self.portal.portal_id = settings["portal_id"]
        self.portal.is_open = True
        self._property_prefix = settings.get("property_prefix", self._property_prefix)
        self._language_property = settings.get("language_property", self._language_property)
        self.facts.won_stages = tuple(settings.get("won_stages") or self.facts.won_stages)
        self.facts.closed_ticket_stages = tuple(settings.get("closed_ticket_stages") or self.facts.closed_ticket_stages)
        credentials = {"access_token": TOKEN, "webhook_secrets": [SECRET], "webhook_url": None, "base_url": base_url}
        return {**settings, **credentials}

    def restore(self, snapshot: AccountSnapshot) -> None:
        """Give the portal the properties, groups and scopes of a snapshot."""
        with self._lock:
            restore_portal(self.portal, snapshot)

    def simulate_event(self, kind: str, email: str, fields: Mapping[str, FieldValue] | None = None) -> list[str]:
        """Simulate an event of the contact with this address."""
        with self._lock:
            contact = self.portal.contact(email)
            return self.facts.simulate_event(kind, contact, self.clock(), fields) if contact else []

    def webhooks(self, facts: Sequence[str], url: str) -> list[VendorWebhook]:
        """Return the signed webhooks for these events; a further call returns the next attempt, signed anew."""
        with self._lock:
            return self.facts.webhooks(facts, url, SECRET, self.clock())

    def opt_out(self, email: str) -> None:
        """Record that the person unsubscribes from all mail."""
        with self._lock:
            contact = self.portal.contact(email)
            if contact is not None:
                contact.set({"hs_email_optout": "true"}, self.clock())

    def effects(self) -> VendorEffects:
        """Return scores, comments and states of cases of contacts by primary address."""
        with self._lock:
            scores, comments, case_states = {}, {}, {}
            score, comment, state = (
                f"{self._property_prefix}{suffix}" for suffix in ("score", "comment", "case_state")
            )
            for record in self.portal.records[CONTACT].values():
                email = record.properties.get("email")
                if email and record.properties.get(score):
                    scores[email] = int(record.properties[score])
                if email and record.properties.get(comment):
                    comments[email] = record.properties[comment]
                if email and record.properties.get(state):
                    case_states[email] = record.properties[state]
            return VendorEffects(scores=scores, comments=comments, case_states=case_states)

    def tables(self) -> Sequence[VendorTable]:
        """Return contacts with their scores, and deals."""
        with self._lock:
            contacts, deals = (list(self.portal.records[kind].values())[::-1] for kind in (CONTACT, DEAL))
            return (
                VendorTable("Contacts", CONTACT_COLUMNS, [_contact_row(contact) for contact in contacts]),
                VendorTable(
                    "Deals", DEAL_COLUMNS, [_properties(deal, "dealname", "amount", "dealstage") for deal in deals]
                ),
            )

    def _contact_properties(self, person: SimulatedPerson) -> Mapping[str, str]:
        first, _, last = person.name.partition(" ")
        language = self.portal.known_values(CONTACT, {self._language_property: person.language.lower()})
        opt_out = {"hs_email_optout": "true"} if person.opted_out else {}
        return {"email": person.email, "firstname": first, "lastname": last, **language, **opt_out}


def _properties(record: Record, *names: str) -> list[str]:
    return [record.properties.get(name) or "" for name in names]


def _contact_row(contact: Record) -> list[str]:
    name = " ".join(filter(None, _properties(contact, "firstname", "lastname")))
    opted_out = "yes" if contact.properties.get("hs_email_optout") == "true" else ""
    return [name, *_properties(contact, "email", "nps_score", "nps_category", "nps_comment"), opted_out]


def _body(request: VendorRequest) -> JsonObject:
    try:
        content = request.json()
    except ValueError:
        raise Refusal(400, "VALIDATION_ERROR", "Invalid input JSON") from None
    return content if isinstance(content, dict) else {}
