"""Simulated users API."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from nps_connect import VendorReply, VendorRequest, json_reply
from nps_connect_zendesk.simulated.access_control import RateLimits
from nps_connect_zendesk.simulated.account import AGENT_ID, Account, Row
from nps_connect_zendesk.simulated.replies import Refusal, invalid, json_object, not_found, page_of


@dataclass
class UserApi:
    """``/api/v2/users``."""

    account: Account
    limits: RateLimits

    def handle(self, request: VendorRequest, parts: list[str]) -> VendorReply:
        """Answer a request; `parts` is the path after ``users``.

        Raises:
            Refusal: any error.
        """
        match request.method, parts:
            case "GET", ["me"]:
                return json_reply(200, {"user": self.account.users[AGENT_ID]})
            case "GET", []:
                role = request.query.get("role")
                users = [
                    user for user in self.account.users.values() if user["active"] and role in (None, user["role"])
                ]
                return page_of(request, "users", users)
            case "GET", ["search"]:
                return self._search(request)
            case "GET", ["show_many"]:
                ids = [int(value) for value in request.query.get("ids", "").split(",") if value.isdigit()][:100]
                users = [self.account.users[user_id] for user_id in ids if user_id in self.account.users]
                return json_reply(200, {"users": users, "count": len(users)})
            case "POST", ["create_or_update"]:
                return self._create_or_update(request)
            case "POST", []:
                return self._create(request)
            case _, [user_id, *rest]:
                return self._handle_user(request, self._find(user_id), rest)
        raise not_found()

    def _handle_user(self, request: VendorRequest, user: Row, parts: list[str]) -> VendorReply:
        match request.method, parts:
            case "GET", []:
                return json_reply(200, {"user": user})
            case "PUT", []:
                return self._update(request, user)
            case "DELETE", []:
                self.account.delete_user(user)
                return json_reply(200, {"user": user})
            case "PUT", ["merge"]:
                return self._merge(request, user)
            case "GET", ["identities"]:
                addresses = self.account.identities[user["id"]]
                rows = [{"type": "email", "value": email, "primary": email == addresses[0]} for email in addresses]
                return page_of(request, "identities", rows)
        raise not_found()

    def handle_deleted(self, request: VendorRequest, parts: list[str]) -> VendorReply:
        """Answer a request below ``/api/v2/deleted_users``; `parts` is the path after it.

        The list has permanently deleted users too, a single one cannot be read
        (https://developer.zendesk.com/api-reference/ticketing/users/users/#list-deleted-users).

        Raises:
            Refusal: any error.
        """
        deleted = {str(user["id"]): user for user in self.account.users.values() if not user["active"]}
        if (request.method, parts) == ("GET", []):
            return page_of(request, "deleted_users", list(deleted.values()))
        user = deleted.get(parts[0]) if len(parts) == 1 else None
        if user is None or user["email"] is None or request.method not in ("GET", "DELETE"):
            raise not_found()
        if request.method == "DELETE":
            self.account.delete_permanently(user)
        return json_reply(200, {"deleted_user": user})

    def _merge(self, request: VendorRequest, loser: Row) -> VendorReply:
        """Merge the user of the path into that of the body.

        Only end users without an external id can be merged away
        (https://developer.zendesk.com/api-reference/ticketing/users/users/#merge-end-users).
        """
        survivor = self._find(str(json_object(request, "user").get("id")))
        if loser["role"] != "end-user" or survivor["role"] != "end-user" or survivor is loser:
            raise Refusal(json_reply(422, {"error": "You can only merge two different end users."}))
        if loser["external_id"] is not None:
            text = f"You cannot merge {loser['name']} while they have an external ID."
            raise Refusal(json_reply(422, {"error": text}))
        self.account.merge_users(loser, survivor)
        return json_reply(200, {"user": survivor})

    def _create(self, request: VendorRequest) -> VendorReply:
        email = str(json_object(request, "user").get("email") or "")
        if self.account.user_with(email) is not None:
            text = f"Email: {email} is already being used by another user"
            raise invalid({"email": text}, "DuplicateValue")
        return self._create_or_update(request)

    def _find(self, user_id: str) -> Row:
        if not user_id.isdigit() or int(user_id) not in self.account.users:
            raise not_found()
        return self.account.users[int(user_id)]

    def _search(self, request: VendorRequest) -> VendorReply:
        query = request.query.get("query", "").strip().casefold()
        external_id = request.query.get("external_id")
        hits = []
        for user in self.account.users.values():
            texts = [user["name"], *self.account.identities[user["id"]]]
            has_text = any(query in text.casefold() for text in texts)
            is_hit = user["external_id"] == external_id if external_id else has_text
            if user["active"] and is_hit and (external_id or query):
                hits.append(user)
        return json_reply(200, {"users": hits[:100], "count": len(hits), "next_page": None})

    def _create_or_update(self, request: VendorRequest) -> VendorReply:
        values = json_object(request, "user")
        email = str(values.get("email") or "")
        external_id = values.get("external_id")
        existing = self.account.user_with(email) if email else None
        if existing is None and external_id is not None:
            key = str(external_id).casefold()  # matched without regard to case
            existing = next(
                (user for user in self.account.users.values() if str(user["external_id"]).casefold() == key), None
            )
        if existing is not None:
            self._change(existing, {key: value for key, value in values.items() if key != "email"})
            return json_reply(200, {"user": existing})
        if email.count("@") != 1 or " " in email or "." not in email.partition("@")[2]:
            raise invalid({"email": f"Email: {email} is not properly formatted"})
        if not values.get("name"):
            raise invalid({"name": "Name: is too short (minimum one character)"})
        user = self.account.add_user(str(values["name"]), email)
        self._change(user, values)
        if not values.get("skip_verify_email"):
            self.account.mails.append({"to": email, "occasion": "verify your address"})
        return json_reply(201, {"user": user}, location=f"/api/v2/users/{user['id']}.json")

    def _update(self, request: VendorRequest, user: Row) -> VendorReply:
        values = json_object(request, "user")
        self.limits.user_update(user["id"])
        self._change(user, values)
        return json_reply(200, {"user": user})

    def _change(self, user: Row, values: Row) -> None:
        for key in ("name", "external_id", "locale", "tags", "suspended"):
            if key in values:
                user[key] = values[key]
        email = values.get("email")
        addresses = self.account.identities[user["id"]]
        if email and email not in addresses:
            addresses.append(email)
        kinds = {row["key"]: row["type"] for row in self.account.resources.get("user_fields", []) if row["active"]}
        for key, value in (values.get("user_fields") or {}).items():
            if key in kinds:  # unknown keys are silently ignored
                user["user_fields"][key] = _stored_value(kinds[key], key, value)
        self.account.touch("users", user)


def _stored_value(kind: str, key: str, value: Any) -> Any:  # noqa: ANN401  # JSON
    """Return a user field's value as Zendesk stores it: dates lose their time of day."""
    if value is None:
        return None
    if kind == "integer" and (isinstance(value, bool) or not isinstance(value, int)):
        raise invalid({key: f"{key}: is not an integer"})
    if kind == "date":
        return f"{str(value)[:10]}T00:00:00+00:00"
    return value
