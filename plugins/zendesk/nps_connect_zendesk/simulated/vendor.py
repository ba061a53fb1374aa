"""`Simulated`: the simulated Zendesk for the sandbox and the contract kit."""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC
from email.utils import format_datetime
from typing import Any

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
from nps_connect_zendesk.simulated.access_control import CLIENT_SECRET, TOKEN, AccessToken, RateLimits, TokenRegistry
from nps_connect_zendesk.simulated.account import Account, format_time
from nps_connect_zendesk.simulated.event_log import EventLog
from nps_connect_zendesk.simulated.export_api import ExportApi
from nps_connect_zendesk.simulated.replies import Refusal, not_admin, unknown_endpoint
from nps_connect_zendesk.simulated.resource_api import SECRET, SINGULAR, ResourceApi
from nps_connect_zendesk.simulated.restoration import name_objects, restore_account
from nps_connect_zendesk.simulated.ticket_api import IdempotencyKeys, TicketApi
from nps_connect_zendesk.simulated.user_api import UserApi

API = "/api/v2/"
USER_FIELDS = (
    ("nps_score", "integer", "NPS score"),
    ("nps_category", "text", "NPS category"),
    ("nps_responded_at", "date", "NPS answered on"),
    ("nps_answer", "text", "NPS response (reference)"),
    ("nps_case_state", "text", "NPS case"),
    ("nps_case_changed_at", "date", "NPS case in this state since"),
    ("nps_case_handled_by", "text", "NPS case handled by"),
    ("nps_case", "text", "NPS case (reference)"),
    ("nps_comment", "textarea", "NPS comment"),
)
OPT_OUT_TAG = "no_survey"
OTHER_CREDENTIALS = ("client_id", "client_secret", "email", "api_token", "redirect_uri")


class Simulated(SimulatedVendor):
    """A stateful, thread-safe Zendesk account.

    Args:
        clock: current time.
        set_up: whether our user fields exist already, as after ``connections apply``.
        requests_per_minute: the account's quota.

    Attributes:
        account: its data; tests may change it.
        limits, tokens, event_log: quotas, credentials, and events without API calls.
    """

    name = "zendesk"

    def __init__(self, *args: Any, set_up: bool = True, requests_per_minute: int = 700, **more: Any) -> None:  # noqa: ANN401
        super().__init__(*args, **more)
        self._lock = threading.RLock()
        self.account = Account(self._now)
        self.limits = RateLimits(self._now, per_minute=requests_per_minute)
        self.tokens = TokenRegistry(self._now)
        self.event_log = EventLog(self.account)
        self.requests = 0
        self._opt_out_tag, self._score_field, self._comment_field = OPT_OUT_TAG, "nps_score", "nps_comment"
        self._case_state_field = "nps_case_state"
        self._tickets = TicketApi(self.account, self.limits, IdempotencyKeys(self._now))
        self._users = UserApi(self.account, self.limits)
        self._resources = ResourceApi(self.account)
        self._exports = ExportApi(self.account, self.limits)
        self.account.resources["groups"] = [{"id": 360, "name": "Customer care"}]
        self.account.resources["brands"] = [{"id": 360, "name": "Exemple", "active": True}]
        if set_up:
            for key, kind, title in USER_FIELDS:
                row = {"id": self.account.next_resource_id(), "key": key, "type": kind, "title": title, "active": True}
                self.account.resources.setdefault("user_fields", []).append(row)

    def _now(self) -> Any:  # noqa: ANN401
        return self.clock()

    def handle(self, request: VendorRequest) -> VendorReply:
        """Answer one API request."""
        with self._lock:
            self.requests += 1
            headers = {"date": format_datetime(self.clock().astimezone(UTC), usegmt=True)}
            headers["x-request-id"] = uuid.uuid5(uuid.NAMESPACE_URL, f"zendesk {self.requests}").hex
            try:
                if request.path.removesuffix(".json") == "/oauth/tokens" and request.method == "POST":
                    return _with_headers(self.tokens.grant(request), headers)
                token = self.tokens.check(request)
                headers |= self.limits.general()
                return _with_headers(self._route(request, token), headers)
            except Refusal as refusal:
                return _with_headers(refusal.reply, headers)

    def _route(self, request: VendorRequest, token: AccessToken) -> VendorReply:
        path = request.path.removesuffix(".json")
        if not path.startswith(API):
            raise unknown_endpoint()
        first, *parts = path.removeprefix(API).rstrip("/").split("/")
        if first == "tickets":
            return self._tickets.handle(request, parts)
        if first == "users":
            return self._users.handle(request, parts)
        if first == "deleted_users":
            return self._users.handle_deleted(request, parts)
        if first in SINGULAR:
            return self._resources.handle(request, first, parts)
        if first == "incremental" and parts in (["tickets", "cursor"], ["users", "cursor"]):
            if not token.is_admin:  # "Allowed For: Admins" in the reference of the exports
                raise not_admin()
            return self._exports.handle(request, parts[0])
        if (first, parts) == ("oauth", ["tokens", "current"]):
            expires_at = None if token.expires_at is None else format_time(token.expires_at)
            body = {"token": {"id": 1, "scopes": list(token.scopes), "expires_at": expires_at}}
            return VendorReply(200, json.dumps(body).encode(), {"content-type": "application/json"})
        raise unknown_endpoint()

    def state(self) -> dict[str, Any]:
        """Return everything that the account stores."""
        with self._lock:
            content = {
                "users": list(self.account.users.values()),
                "tickets": [
                    {**ticket, "comments": self.account.comments[number]}
                    for number, ticket in self.account.tickets.items()
                ],
                "mails": self.account.mails,
                "requests": self.requests,
                **self.account.resources,
            }
            copied: dict[str, Any] = json.loads(json.dumps(content))
            return copied

    def environment(self, base_url: str, connection: str) -> dict[str, str]:
        """Return variables for the plugin's example configuration."""
        prefix = f"NPS_CONNECT_CONNECTIONS__{connection.upper().replace('-', '_')}"
        return {
            "ZENDESK_CLIENT_SECRET": CLIENT_SECRET,
            f"{prefix}__BASE_URL": base_url,
            f"{prefix}__WEBHOOK_SECRET": SECRET,
        }

    def populate(self, people: Sequence[SimulatedPerson]) -> None:
        """Add these people as end users; those who opted out have the opt-out tag."""
        with self._lock:
            for person in people:
                if self.account.user_with(person.email) is None:
                    self.account.add_user(person.name, person.email, locale=person.language)
                if person.opted_out:
                    self.opt_out(person.email)

    def connection_settings(self, settings: Mapping[str, Any], base_url: str) -> dict[str, Any]:
        """Return the settings with this account's token and secret; the account gets what they name."""
        name_objects(self.account, settings)
        self._opt_out_tag = settings.get("opt_out_tag", self._opt_out_tag)
        self._score_field = settings.get("score_field", self._score_field)
        self._comment_field = settings.get("comment_field") or self._comment_field
        self._case_state_field = settings.get("case_state_field", self._case_state_field)
        credentials = {
            "access_token": TOKEN,
            "webhook_secret": SECRET,
            "base_url": base_url,
            "grant": "client_credentials",
        }
        return {**settings, **dict.fromkeys(OTHER_CREDENTIALS), **credentials, "extra_webhook_secrets": ()}

    def restore(self, snapshot: AccountSnapshot) -> None:
        """Give the account the fields, other objects and scopes of a snapshot."""
        with self._lock:
            restore_account(self.account, snapshot)
            if snapshot.scopes is not None:
                self.tokens.access[TOKEN].scopes = snapshot.scopes

    def simulate_event(self, kind: str, email: str, fields: Mapping[str, FieldValue] | None = None) -> list[str]:
        """Simulate that an agent solves, reopens or deletes the person's ticket, or that the user is deleted."""
        with self._lock:
            return self.event_log.simulate_event(kind, email, fields)

    def webhooks(self, facts: Sequence[str], url: str) -> list[VendorWebhook]:
        """Return signed webhooks: event envelopes, or trigger bodies if a webhook in trigger mode has this `url`."""
        with self._lock:
            return self.event_log.webhooks(list(facts), url)

    def opt_out(self, email: str) -> None:
        """Add the opt-out tag to the user."""
        with self._lock:
            user = self.account.user_with(email)
            if user is not None:
                user["tags"] = sorted({*user["tags"], self._opt_out_tag})
                self.account.touch("users", user)

    def effects(self) -> VendorEffects:
        """Return scores, comments and cases on profiles, and the tickets created by the API, by requester."""
        with self._lock:
            users = [user for user in self.account.users.values() if user["email"]]
            tickets: dict[str, list[str]] = {}
            for ticket in self.account.tickets.values():
                email = self.account.users[ticket["requester_id"]]["email"]
                if ticket["via"]["channel"] == "api" and ticket["status"] != "deleted" and email:
                    tickets.setdefault(email, []).append(str(ticket["id"]))
            return VendorEffects(
                scores=_values(users, self._score_field),
                comments=_values(users, self._comment_field),
                tickets=tickets,
                case_states=_values(users, self._case_state_field),
            )

    def tables(self) -> Sequence[VendorTable]:
        """Return tickets with their comments, and users with their scores."""
        with self._lock:
            users = [user for user in reversed(self.account.users.values()) if user["role"] == "end-user"]
            return (
                VendorTable(
                    "Tickets",
                    ("Ticket", "Subject", "Requester", "Status", "Priority", "Comments"),
                    [self._ticket_row(ticket) for ticket in reversed(self.account.tickets.values())],
                ),
                VendorTable("Users", ("Name", "E-mail", "NPS score", "NPS comment", "Tags"), [*map(_user_row, users)]),
            )

    def _ticket_row(self, ticket: Mapping[str, Any]) -> list[str]:
        comments = [str(comment["body"]) for comment in self.account.comments[ticket["id"]]]
        requester = self.account.users[ticket["requester_id"]]["email"] or ""
        shown = (ticket["subject"], requester, ticket["status"], ticket["priority"] or "")
        return [f"#{ticket['id']}", *shown, "\n\n".join(comments)]


def _user_row(user: Mapping[str, Any]) -> list[str]:
    score, comment = (user["user_fields"].get(key) for key in ("nps_score", "nps_comment"))
    texts = (user["name"], user["email"] or "", "" if score is None else str(score), comment or "")
    return [*texts, " ".join(user["tags"])]


def _values(users: Sequence[Mapping[str, Any]], key: str) -> dict[str, Any]:
    return {user["email"]: user["user_fields"][key] for user in users if user["user_fields"].get(key) is not None}


def _with_headers(reply: VendorReply, headers: Mapping[str, str]) -> VendorReply:
    return VendorReply(reply.status, reply.body, {**headers, **reply.headers})
