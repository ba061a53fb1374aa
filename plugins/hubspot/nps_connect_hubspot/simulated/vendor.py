"""`Simulated`: the portal behind its door."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from email.utils import format_datetime
from threading import RLock
from typing import Any
from zoneinfo import ZoneInfo

from nps_connect import SimulatedPerson, SimulatedVendor, VendorEffects, VendorReply, VendorRequest, VendorWebhook
from nps_connect_hubspot.simulated.event_log import EventLog
from nps_connect_hubspot.simulated.portal import CONTACT, Portal
from nps_connect_hubspot.simulated.quotas import Quotas
from nps_connect_hubspot.simulated.replies import JsonObject, Refusal, correlation_id, reply
from nps_connect_hubspot.simulated.routes import Call, find_route, is_search

TOKEN = "pat-eu1-simulated-portal-token"  # noqa: S105  # opens nothing but the simulated portal
SECRET = "simulated-client-secret"  # noqa: S105  # likewise


class Simulated(SimulatedVendor):
    """A portal in the European data centre, on the Professional tier.

    Attributes:
        portal: all that it holds; tests may change it.
        quotas: likewise.
        search_lag: how long the search index takes to see a change.
    """

    name = "hubspot"

    def __init__(self, clock: Callable[[], datetime] | None = None) -> None:
        super().__init__(*([clock] if clock else []))
        self.portal = Portal()
        self.quotas = Quotas(ZoneInfo("Europe/Paris"))
        self.facts = EventLog(self.portal)
        self.search_lag = timedelta(0)
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
                self.quotas.take(now, search=search)
                answer = self._answer(request)
            except Refusal as refusal:
                answer = reply(refusal.status, {**refusal.body, "correlationId": common["x-hubspot-correlation-id"]})
            return VendorReply(
                answer.status,
                answer.body,
                {**answer.headers, **common, **self.quotas.headers(now, search=search)},
            )

    def _authorise(self, request: VendorRequest) -> None:
        headers = {name.lower(): value for name, value in request.headers.items()}
        if headers.get("authorization") != f"Bearer {TOKEN}":
            raise Refusal(401, "INVALID_AUTHENTICATION", "Authentication credentials not found.")

    def _answer(self, request: VendorRequest) -> VendorReply:
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
        except (AttributeError, KeyError, TypeError, ValueError):  # a body without what the call needs
            raise Refusal(400, "VALIDATION_ERROR", "Invalid input JSON") from None

    def state(self) -> dict[str, Any]:
        """Every record, definition and preference."""
        with self._lock:
            return {
                "portal_id": self.portal.portal_id,
                "requests": self._requests,
                "refused_for_quota": self.quotas.refused,
                "records": {
                    kind: {
                        record.id: {**record.told(record.properties), "archived": record.archived}
                        for record in records.values()
                    }
                    for kind, records in self.portal.records.items()
                },
                "merged": dict(self.portal.survivors),
                "properties": {kind: sorted(known) for kind, known in self.portal.definitions.items()},
                "preferences": {
                    email: {str(key): told for key, told in known.items()}
                    for email, known in self.portal.statuses.items()
                },
                "webhooks_sent": dict(self.facts.sent),
            }

    def environment(self, base_url: str, connection: str) -> dict[str, str]:
        """Point the example configuration at this portal, with webhooks."""
        prefix = f"NPS_CONNECT_CONNECTIONS__{connection.upper().replace('-', '_')}"
        return {
            "HUBSPOT_TOKEN": TOKEN,
            "HUBSPOT_WEBHOOK_SECRET": SECRET,
            f"{prefix}__BASE_URL": base_url,
            f"{prefix}__EVENTS": "webhook",
        }

    def populate(self, people: Sequence[SimulatedPerson]) -> None:
        """A contact for each person that is not known yet."""
        with self._lock:
            for person in people:
                if self.portal.contact(person.email) is None:
                    self.portal.create(CONTACT, _contact(person), self.clock())

    def simulate_event(self, kind: str, email: str) -> list[str]:
        """Let something happen to the contact with this address."""
        with self._lock:
            contact = self.portal.contact(email)
            return self.facts.simulate_event(kind, contact, self.clock()) if contact else []

    def webhooks(self, facts: Sequence[str], url: str) -> list[VendorWebhook]:
        """The signed webhooks for these facts; asking again gives the next attempt, freshly signed."""
        with self._lock:
            return self.facts.webhooks(facts, url, SECRET, self.clock())

    def opt_out(self, email: str) -> None:
        """The person unsubscribes from all mail."""
        with self._lock:
            contact = self.portal.contact(email)
            if contact is not None:
                contact.set({"hs_email_optout": "true"}, self.clock())

    def effects(self) -> VendorEffects:
        """Scores and comments on contacts, by primary address."""
        with self._lock:
            told = {
                record.properties["email"]: record.properties
                for record in self.portal.records[CONTACT].values()
                if record.properties.get("email")
            }
            return VendorEffects(
                scores={email: int(values["nps_score"]) for email, values in told.items() if values.get("nps_score")},
                comments={email: values["nps_comment"] for email, values in told.items() if values.get("nps_comment")},
            )


def _body(request: VendorRequest) -> JsonObject:
    try:
        told = request.json()
    except ValueError:
        raise Refusal(400, "VALIDATION_ERROR", "Invalid input JSON") from None
    return told if isinstance(told, dict) else {}


def _contact(person: SimulatedPerson) -> Mapping[str, str]:
    first, _, last = person.name.partition(" ")
    return {
        "email": person.email,
        "firstname": first,
        "lastname": last,
        "hs_language": person.language.lower(),
        **({"hs_email_optout": "true"} if person.opted_out else {}),
    }
