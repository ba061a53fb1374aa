"""The simulated users API."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from nps_connect import VendorReply, VendorRequest, json_reply
from nps_connect_zendesk.simulated.access_control import RateLimits
from nps_connect_zendesk.simulated.account import AGENT_ID, Account, Row
from nps_connect_zendesk.simulated.replies import invalid, json_object, not_found, page_of


@dataclass
class UserApi:
    """``/api/v2/users``."""

    account: Account
    limits: RateLimits

    def handle(self, request: VendorRequest, parts: list[str]) -> VendorReply:
        """Answer a request; `parts` is the path after ``users``.

        Raises:
            Refused: any error.
        """
        match request.method, parts:
            case "GET", ["me"]:
                return json_reply(200, {"user": self.account.users[AGENT_ID]})
            case "GET", ["search"]:
                return self._search(request)
            case "GET", ["show_many"]:
                ids = [int(one) for one in request.query.get("ids", "").split(",") if one.isdigit()][:100]
                found = [self.account.users[one] for one in ids if one in self.account.users]
                return json_reply(200, {"users": found, "count": len(found)})
            case "POST", ["create_or_update"]:
                return self._create_or_update(request)
            case "GET", [user_id]:
                return json_reply(200, {"user": self._find(user_id)})
            case "PUT", [user_id]:
                return self._update(request, self._find(user_id))
            case "GET", [user_id, "identities"]:
                addresses = self.account.identities[self._find(user_id)["id"]]
                rows = [{"type": "email", "value": one, "primary": one == addresses[0]} for one in addresses]
                return page_of(request, "identities", rows)
        raise not_found()

    def _find(self, user_id: str) -> Row:
        if not user_id.isdigit() or int(user_id) not in self.account.users:
            raise not_found()
        return self.account.users[int(user_id)]

    def _search(self, request: VendorRequest) -> VendorReply:
        wanted = request.query.get("query", "").strip().casefold()
        external = request.query.get("external_id")
        found = []
        for user in self.account.users.values():
            texts = [user["name"], *self.account.identities[user["id"]]]
            hit = user["external_id"] == external if external else any(wanted in text.casefold() for text in texts)
            if user["active"] and hit and (external or wanted):
                found.append(user)
        return json_reply(200, {"users": found[:100], "count": len(found), "next_page": None})

    def _create_or_update(self, request: VendorRequest) -> VendorReply:
        asked = json_object(request, "user")
        email = str(asked.get("email") or "")
        external = asked.get("external_id")
        known = self.account.user_with(email) if email else None
        if known is None and external is not None:
            known = next((user for user in self.account.users.values() if user["external_id"] == external), None)
        if known is not None:
            self._change(known, {key: value for key, value in asked.items() if key != "email"})
            return json_reply(200, {"user": known})
        if email.count("@") != 1 or " " in email or "." not in email.partition("@")[2]:
            raise invalid({"email": f"Email: {email} is not properly formatted"})
        if not asked.get("name"):
            raise invalid({"name": "Name: is too short (minimum one character)"})
        user = self.account.add_user(str(asked["name"]), email)
        self._change(user, asked)
        if not asked.get("skip_verify_email"):
            self.account.mails.append({"to": email, "occasion": "verify your address"})
        return json_reply(201, {"user": user})

    def _update(self, request: VendorRequest, user: Row) -> VendorReply:
        asked = json_object(request, "user")
        self.limits.user_update(user["id"])
        self._change(user, asked)
        return json_reply(200, {"user": user})

    def _change(self, user: Row, asked: Row) -> None:
        for key in ("name", "external_id", "locale", "tags", "suspended"):
            if key in asked:
                user[key] = asked[key]
        email = asked.get("email")
        addresses = self.account.identities[user["id"]]
        if email and email not in addresses:
            addresses.append(email)
        kinds = {row["key"]: row["type"] for row in self.account.resources.get("user_fields", []) if row["active"]}
        for key, value in (asked.get("user_fields") or {}).items():
            if key in kinds:  # unknown keys are ignored without a word
                user["user_fields"][key] = _stored_value(kinds[key], key, value)
        self.account.touch("users", user)


def _stored_value(kind: str, key: str, value: Any) -> Any:  # noqa: ANN401  # JSON
    """A user field's value as Zendesk keeps it: dates lose their time of day."""
    if value is None:
        return None
    if kind == "integer" and (isinstance(value, bool) or not isinstance(value, int)):
        raise invalid({key: f"{key}: is not an integer"})
    if kind == "date":
        return f"{str(value)[:10]}T00:00:00+00:00"
    return value
