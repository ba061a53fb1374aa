"""Simulated tickets API."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from nps_connect import VendorReply, VendorRequest, json_reply
from nps_connect_zendesk.simulated.access_control import RateLimits
from nps_connect_zendesk.simulated.account import AGENT_ID, Account, Row
from nps_connect_zendesk.simulated.replies import Refusal, bad_request, invalid, json_object, not_found, page_of

KEY_TTL = timedelta(hours=2)
PRIORITIES = (None, "urgent", "high", "normal", "low")
STATUSES = ("new", "open", "pending", "hold", "solved", "closed")
REFERENCE_FIELDS = {"group_id": "groups", "brand_id": "brands", "ticket_form_id": "ticket_forms"}
PLAIN_FIELDS = ("priority", "type", "group_id", "brand_id", "ticket_form_id", "assignee_id", "external_id", "subject")


@dataclass
class IdempotencyKeys:
    """Idempotency keys: each is stored for two hours with the body's digest and the first reply."""

    clock: Callable[[], datetime]
    entries: dict[str, tuple[datetime, str, VendorReply]] = field(default_factory=dict)

    def handle(self, request: VendorRequest, make: Callable[[], VendorReply]) -> VendorReply:
        """Return the first reply again, or a new one.

        Raises:
            Refusal: 400 if the key was used with another body.
        """
        key = request.headers.get("idempotency-key")
        if key is None:
            return make()
        if len(key) > 255:
            raise bad_request("IdempotentRequestError", "The idempotency key is too long")
        digest = hashlib.sha256(request.body).hexdigest()
        unused = (datetime.min.replace(tzinfo=self.clock().tzinfo), "", VendorReply(0))
        at, first_digest, reply = self.entries.get(key, unused)
        if reply.status and self.clock() - at < KEY_TTL:
            if first_digest != digest:
                text = "Request parameters don't match the given idempotency key"
                raise bad_request("IdempotentRequestError", text)
            return _with_lookup_header(reply, "hit")
        reply = make()
        self.entries[key] = (self.clock(), digest, reply)
        return _with_lookup_header(reply, "miss")


def _with_lookup_header(reply: VendorReply, lookup: str) -> VendorReply:
    return VendorReply(reply.status, reply.body, {**reply.headers, "x-idempotency-lookup": lookup})


@dataclass
class TicketApi:
    """``/api/v2/tickets``."""

    account: Account
    limits: RateLimits
    keys: IdempotencyKeys

    def handle(self, request: VendorRequest, parts: list[str]) -> VendorReply:
        """Answer a request; `parts` is the path after ``tickets``.

        Raises:
            Refusal: any error.
        """
        match request.method, parts:
            case "POST", []:
                return self.keys.handle(request, lambda: self._create(request))
            case "GET", []:
                return self._list(request)
            case "GET", ["show_many"]:
                ids = [int(value) for value in request.query.get("ids", "").split(",") if value.isdigit()][:100]
                return self._with_side_loads(request, [self.account.tickets[i] for i in ids if self._exists(i)])
            case "GET", [ticket_id]:
                return json_reply(200, {"ticket": _public_fields(self._find(ticket_id))})
            case "PUT", [ticket_id]:
                return self._update(request, self._find(ticket_id))
            case "DELETE", [ticket_id]:
                ticket = self._find(ticket_id)
                ticket["status"] = "deleted"
                self.account.touch("tickets", ticket)
                return VendorReply(204)
            case "GET", [ticket_id, "tags"]:
                return json_reply(200, {"tags": self._find(ticket_id)["tags"]})
            case ("PUT" | "POST" | "DELETE") as method, [ticket_id, "tags"]:
                return self._change_tags(request, self._find(ticket_id), method)
            case "GET", [ticket_id, "comments"]:
                comments = self.account.comments[self._find(ticket_id)["id"]]
                newest_first = request.query.get("sort") == "-created_at"
                return page_of(request, "comments", comments[::-1] if newest_first else comments)
        raise not_found()

    def _exists(self, ticket_id: int) -> bool:
        return ticket_id in self.account.tickets and self.account.tickets[ticket_id]["status"] != "deleted"

    def _find(self, ticket_id: str) -> Row:
        if not ticket_id.isdigit() or not self._exists(int(ticket_id)):
            raise not_found()
        return self.account.tickets[int(ticket_id)]

    def _list(self, request: VendorRequest) -> VendorReply:
        external_id = request.query.get("external_id")
        tickets = [
            _public_fields(ticket)
            for ticket in self.account.tickets.values()
            if ticket["status"] != "deleted" and (external_id is None or ticket["external_id"] == external_id)
        ]
        reply = page_of(request, "tickets", tickets)
        # https://developer.zendesk.com/documentation/api-basics/best-practices/best-practices-for-avoiding-rate-limiting
        limit = {"zendesk-ratelimit-tickets-index": "total=100; remaining=99; resets=60"}
        return VendorReply(reply.status, reply.body, {**reply.headers, **limit})

    def _with_side_loads(self, request: VendorRequest, tickets: list[Row]) -> VendorReply:
        include = request.query.get("include", "").split(",")
        body: dict[str, Any] = {
            "tickets": [_public_fields(ticket, metrics="metric_sets" in include) for ticket in tickets],
            "count": len(tickets),
        }
        if "users" in include:
            # https://developer.zendesk.com/documentation/ticketing/using-the-zendesk-api/side_loading/
            names = ("requester_id", "assignee_id")
            ids = dict.fromkeys(ticket[name] for ticket in tickets for name in names)
            body["users"] = [self.account.users[user_id] for user_id in ids if user_id in self.account.users]
        return json_reply(200, body)

    def _create(self, request: VendorRequest) -> VendorReply:
        draft = json_object(request, "ticket")
        comment = draft.get("comment")
        body = str((comment or {}).get("body") or "") if isinstance(comment, dict) else ""
        if not body.strip():
            raise invalid({"base": "Description: cannot be blank"})
        self._check(draft, body)
        source = self._follow_up_source(draft)
        requester_id = self._requester(draft)
        values = {key: draft[key] for key in PLAIN_FIELDS if key in draft}
        values |= {"tags": _tags(draft.get("tags")), "custom_fields": draft.get("custom_fields") or []}
        values["follower_ids"] = self._followers(draft)
        public = bool(comment.get("public", True)) if isinstance(comment, dict) else True
        ticket = self.account.add_ticket({**values, "requester_id": requester_id, "is_public": public}, channel="api")
        if source is not None:
            ticket["via"] = {"channel": "api", "source": {"from": {"ticket_id": source["id"]}, "rel": "follow_up"}}
            source["followup_ids"].append(ticket["id"])
        self.account.add_comment(ticket, body, public=public)
        self.account.set_status(ticket, str(draft.get("status") or ticket["status"]))
        requester = self.account.users[requester_id]
        if public and requester["role"] == "end-user":
            self.account.mails.append({"to": requester["email"], "occasion": "request received"})
        return json_reply(201, {"ticket": _public_fields(ticket)}, location=f"/api/v2/tickets/{ticket['id']}.json")

    def _check(self, values: Row, body: str = "") -> None:
        if values.get("priority") not in PRIORITIES:
            raise invalid({"priority": f"Priority: {values['priority']} is not a valid priority"})
        if values.get("status", "new") not in STATUSES:
            raise invalid({"status": "Status: is not valid"})
        if len(str(values.get("subject") or "")) > 255:
            raise invalid({"subject": "Subject: is too long (maximum is 255 characters)"})
        if len(body.encode()) > 65_536:
            raise invalid({"description": "Description: is too long"})
        if any(" " in tag for tag in values.get("tags") or []):
            raise invalid({"tags": "Tags: contain a space"})
        for key, kind in REFERENCE_FIELDS.items():
            existing = {row["id"] for row in self.account.resources.get(kind, [])}
            if values.get(key) is not None and values[key] not in existing:
                raise invalid({key.removesuffix("_id"): f"{key.removesuffix('_id').title()}: is invalid"})
        self._check_agents_and_fields(values)

    def _check_agents_and_fields(self, values: Row) -> None:
        agents = {user["id"]: user["email"] for user in self.account.users.values() if user["role"] != "end-user"}
        if values.get("assignee_id") is not None and values["assignee_id"] not in agents:
            raise invalid({"assignee": "Assignee: is not an agent"})
        if values.get("assignee_email") is not None and values["assignee_email"] not in agents.values():
            raise invalid({"assignee": "Assignee: is not an agent"})
        fields = {row["id"] for row in self.account.resources.get("ticket_fields", [])}
        for custom_field in values.get("custom_fields") or []:
            if custom_field.get("id") not in fields:
                raise invalid({"custom_fields": f"Custom field {custom_field.get('id')} is unknown"})

    def _requester(self, values: Row) -> int:
        requester = values.get("requester")
        if isinstance(requester, dict):
            return self._inline_requester(requester)
        user = self.account.users.get(values.get("requester_id") or AGENT_ID)
        if user is None or not user["active"]:
            raise invalid({"requester": "Requester: is not known"})
        if user["suspended"]:
            raise invalid({"requester": f"Requester: {user['name']} is suspended."})
        return int(user["id"])

    def _inline_requester(self, requester: Row) -> int:
        email = str(requester.get("email") or "")
        if email.count("@") != 1 or " " in email or "." not in email.partition("@")[2]:
            raise invalid({"requester": f"Requester: Email: {email} is not properly formatted"})
        user = self.account.user_with(email)
        if user is not None and user["suspended"]:
            raise invalid({"requester": f"Requester: {user['name']} is suspended."})
        if user is None:
            user = self.account.add_user(str(requester.get("name") or email), email)
            self.account.mails.append({"to": email, "occasion": "verify your address"})
        return int(user["id"])

    def _followers(self, values: Row) -> list[int]:
        """Return the agents of ``followers``; other users cannot follow a ticket and are left out (not verified how).

        Source: https://developer.zendesk.com/documentation/ticketing/managing-tickets/creating-and-updating-tickets/.
        """
        entries = values.get("followers") or []
        if any(not {"user_id", "user_email"} & entry.keys() for entry in entries):
            raise invalid({"followers": "Followers: an entry needs user_id or user_email"})
        added = [self.account.users.get(entry.get("user_id")) for entry in entries if entry.get("action") == "put"]
        return [int(user["id"]) for user in added if user is not None and user["role"] != "end-user"]

    def _follow_up_source(self, values: Row) -> Row | None:
        number = values.get("via_followup_source_id")
        if number is None:
            return None
        source = self.account.tickets.get(number)
        if source is None or source["status"] != "closed":
            raise invalid({"via_followup_source_id": "Follow-up: the source ticket is not closed"})
        return source

    def _update(self, request: VendorRequest, ticket: Row) -> VendorReply:
        values = json_object(request, "ticket")
        if ticket["status"] == "closed":
            raise invalid({"status": "Status: closed prevents ticket update"})
        _check_stamp(values, ticket)
        self._check(values)
        self.limits.ticket_update(ticket["id"])
        ticket.update({key: values[key] for key in PLAIN_FIELDS if key in values})
        if "tags" in values:
            ticket["tags"] = _tags(values["tags"])
        changed = {item["id"]: item for item in values.get("custom_fields") or []}
        unchanged = [item for item in ticket["custom_fields"] if item["id"] not in changed]
        ticket["custom_fields"] = [*unchanged, *changed.values()]
        comment = values.get("comment")
        if isinstance(comment, dict) and comment.get("body"):
            public = bool(comment.get("public", ticket["is_public"]))
            self.account.add_comment(ticket, str(comment["body"]), public=public)
        self.account.set_status(ticket, str(values.get("status") or ticket["status"]))
        self.account.touch("tickets", ticket)
        audit = {"ticket_id": ticket["id"], "author_id": AGENT_ID, "created_at": self.account.now(), "events": []}
        return json_reply(200, {"ticket": _public_fields(ticket), "audit": audit})

    def _change_tags(self, request: VendorRequest, ticket: Row, method: str) -> VendorReply:
        """PUT adds, POST sets, DELETE removes tags (https://developer.zendesk.com/api-reference/ticketing/tags/tags/)."""
        if ticket["status"] == "closed":
            raise invalid({"status": "Status: closed prevents ticket update"})
        body = request.json() or {}
        _check_stamp(body, ticket)
        self.limits.ticket_update(ticket["id"])
        tags = _tags(body.get("tags"))
        kept = [] if method == "POST" else ticket["tags"]
        ticket["tags"] = [tag for tag in kept if tag not in tags] if method == "DELETE" else _tags([*kept, *tags])
        self.account.touch("tickets", ticket)
        return json_reply(201 if method == "POST" else 200, {"tags": ticket["tags"]})


def _check_stamp(values: Row, ticket: Row) -> None:
    """Refuse an update that is based on an older version.

    Any value of `safe_update` has this effect; only leaving it out forces the update
    (https://developer.zendesk.com/api-reference/ticketing/tickets/tickets/#json-format).
    """
    if "safe_update" in values and values.get("updated_stamp") != ticket["updated_at"]:
        text = "Safe Update prevented the update due to outdated ticket data. Please fetch the latest ticket data."
        raise Refusal(json_reply(409, {"error": "UpdateConflict", "description": text}))


def _tags(tags: object) -> list[str]:
    return sorted({str(tag).lower() for tag in tags}) if isinstance(tags, list) else []


def _public_fields(ticket: Row, *, metrics: bool = False) -> Row:
    return {key: value for key, value in ticket.items() if metrics or key != "metric_set"}
