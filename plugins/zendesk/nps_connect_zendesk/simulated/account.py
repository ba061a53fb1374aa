"""Data of the simulated account, and the operations that change it."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

Row = dict[str, Any]

AGENT_ID = 900
AGENT_EMAIL = "agent@example.com"
_PLACEHOLDER = re.compile(r"\{\{\s*ticket\.(\w+)\s*\}\}")


def format_time(moment: datetime) -> str:
    """Return a time in the API's format: whole seconds, UTC."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass
class Account:
    """The account's records, by id.

    Attributes:
        clock: current time.
        users, tickets, comments, identities: records by id.
        resources: lists such as groups and user fields, by name.
        changed: time of the last change of each ticket and user, for exports.
        mails: mails that Zendesk itself sent to customers: address and occasion.
    """

    clock: Callable[[], datetime]
    users: dict[int, Row] = field(default_factory=dict)
    tickets: dict[int, Row] = field(default_factory=dict)
    comments: dict[int, list[Row]] = field(default_factory=dict)
    resources: dict[str, list[Row]] = field(default_factory=dict)
    identities: dict[int, list[str]] = field(default_factory=dict)
    changed: dict[tuple[str, int], datetime] = field(default_factory=dict)
    mails: list[dict[str, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._user_ids = count(1001)
        self._ticket_ids = count(1)
        self._resource_ids = count(360001)
        self._comment_ids = count(5001)
        self.users[AGENT_ID] = self._user(AGENT_ID, "Integration", AGENT_EMAIL, role="admin")

    def now(self) -> str:
        """Return the current time in the API's format."""
        return format_time(self.clock())

    def touch(self, kind: str, row: Row) -> None:
        """Record that a record changed."""
        row["updated_at"] = self.now()
        self.changed[kind, row["id"]] = self.clock()

    def next_resource_id(self) -> int:
        """Return an id for a new field, group or trigger."""
        return next(self._resource_ids)

    def user_with(self, email: str) -> Row | None:
        """Return the user with this address, primary or secondary."""
        normalized = email.strip().casefold()
        for user in self.users.values():
            addresses = {address.casefold() for address in self.identities.get(user["id"], [])}
            if user["active"] and normalized in addresses:
                return user
        return None

    def add_user(self, name: str, email: str, *, locale: str = "en-US") -> Row:
        """Add an end user."""
        user = self._user(next(self._user_ids), name, email, locale=locale)
        self.users[user["id"]] = user
        self.touch("users", user)
        return user

    def _user(self, user_id: int, name: str, email: str, *, role: str = "end-user", locale: str = "en-US") -> Row:
        self.identities[user_id] = [email]
        return {
            "id": user_id,
            "name": name,
            "email": email,
            "role": role,
            "active": True,
            "suspended": False,
            "verified": role != "end-user",
            "locale": locale,
            "iana_time_zone": "Europe/Paris",
            "external_id": None,
            "tags": [],
            "user_fields": {row["key"]: None for row in self.resources.get("user_fields", [])},
            "created_at": self.now(),
            "updated_at": self.now(),
        }

    def add_ticket(self, values: Row, *, channel: str, created: timedelta = timedelta()) -> Row:
        """Add a ticket; `created` is how long ago it was created."""
        ticket_id = next(self._ticket_ids)
        at = format_time(self.clock() - created)
        ticket: Row = {
            "id": ticket_id,
            "external_id": None,
            "via": {"channel": channel, "source": {"from": {}, "to": {}, "rel": None}},
            "created_at": at,
            "type": None,
            "subject": "",
            "priority": None,
            "status": "open" if values.get("assignee_id") else "new",
            "requester_id": AGENT_ID,
            "submitter_id": AGENT_ID,
            "assignee_id": None,
            "group_id": None,
            "organization_id": None,
            "brand_id": 360,
            "ticket_form_id": None,
            "tags": [],
            "custom_fields": [],
            "followup_ids": [],
            "follower_ids": [],
            "is_public": True,
            **values,
        }
        ticket["metric_set"] = {
            "ticket_id": ticket_id,
            "reopens": 0,
            "replies": 0,
            "solved_at": None,
            "status_updated_at": at,
            "reply_time_in_minutes": {"calendar": None, "business": None},
            "full_resolution_time_in_minutes": {"calendar": None, "business": None},
        }
        self.tickets[ticket_id] = ticket
        self.comments[ticket_id] = []
        self.touch("tickets", ticket)
        return ticket

    def add_comment(self, ticket: Row, body: str, *, public: bool, author_id: int = AGENT_ID) -> None:
        """Add a comment; placeholders in it are expanded, as Zendesk does."""
        text = _PLACEHOLDER.sub(lambda match: str(ticket.get(match.group(1), "")), body)
        comment = {
            "id": next(self._comment_ids),
            "type": "Comment",
            "author_id": author_id,
            "body": text,
            "public": public,
            "created_at": self.now(),
        }
        self.comments[ticket["id"]].append(comment)
        metric = ticket["metric_set"]
        if public and author_id == AGENT_ID and len(self.comments[ticket["id"]]) > 1:
            metric["replies"] += 1
            if metric["reply_time_in_minutes"]["calendar"] is None:
                metric["reply_time_in_minutes"] = self._since(ticket)

    def set_status(self, ticket: Row, status: str) -> None:
        """Change the status, with the metric set that Zendesk derives from it."""
        previous, metric = ticket["status"], ticket["metric_set"]
        if status == previous:
            return
        ticket["status"] = status
        metric["status_updated_at"] = self.now()
        if status in ("solved", "closed") and previous != "solved":
            metric["solved_at"] = self.now()
            metric["full_resolution_time_in_minutes"] = self._since(ticket)
        if previous == "solved" and status in ("new", "open", "pending", "hold"):
            metric["reopens"] += 1
        self.touch("tickets", ticket)

    def delete_user(self, user: Row) -> None:
        """Delete a user; the record stays in the list of deleted users."""
        user["active"] = False
        self.touch("users", user)

    def delete_permanently(self, user: Row) -> None:
        """Remove what is personal from a deleted user; the row stays in the list of deleted users."""
        user |= {name: None for name in user if name not in ("id", "active", "user_fields", "tags", "role")}
        user["name"] = "Permanently Deleted User"
        self.identities[user["id"]] = []

    def merge_users(self, loser: Row, survivor: Row) -> None:
        """Merge a user into another one: addresses and tickets move, the loser is inactive."""
        self.identities[survivor["id"]] += self.identities[loser["id"]]
        self.identities[loser["id"]] = []
        for ticket in self.tickets.values():
            if ticket["requester_id"] == loser["id"]:
                ticket["requester_id"] = survivor["id"]
        self.delete_user(loser)

    def _since(self, ticket: Row) -> dict[str, int]:
        minutes = int((self.clock() - datetime.fromisoformat(ticket["created_at"])).total_seconds() // 60)
        return {"calendar": minutes, "business": minutes}
