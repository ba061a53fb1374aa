"""Simulated resource lists of an account: fields, groups, brands, forms, triggers, automations, webhooks."""

from __future__ import annotations

from dataclasses import dataclass

from nps_connect import VendorReply, VendorRequest, json_reply
from nps_connect_zendesk.simulated.account import Account, Row
from nps_connect_zendesk.simulated.replies import Refusal, invalid, json_object, not_found, page_of

SINGULAR = {
    "groups": "group",
    "brands": "brand",
    "ticket_forms": "ticket_form",
    "ticket_fields": "ticket_field",
    "user_fields": "user_field",
    "triggers": "trigger",
    "automations": "automation",
    "webhooks": "webhook",
}
REQUIRED_FIELDS = {
    "user_fields": ("key", "type", "title"),
    "ticket_fields": ("type", "title"),
    "triggers": ("title", "actions", "conditions"),
    "webhooks": ("name", "endpoint", "http_method", "request_format", "status"),
}
SECRET = "sandbox-zendesk-webhook-secret"  # noqa: S105  # of the simulated webhook


@dataclass
class ResourceApi:
    """``/api/v2/<list>``."""

    account: Account

    def handle(self, request: VendorRequest, kind: str, parts: list[str]) -> VendorReply:
        """Answer a request; `parts` is the path after the list's name.

        Raises:
            Refusal: any error.
        """
        rows = self.account.resources.setdefault(kind, [])
        match request.method, parts:
            case "GET", []:
                return page_of(request, kind, [_public_fields(row) for row in rows])
            case "POST", []:
                return self._create(request, kind, rows)
            case "GET", [resource_id]:
                return json_reply(200, {SINGULAR[kind]: _public_fields(self._find(rows, resource_id))})
            case (("PUT" | "PATCH"), [resource_id]):
                return self._update(request, kind, self._find(rows, resource_id))
            case "GET", [resource_id, "signing_secret"] if kind == "webhooks":
                secret = self._find(rows, resource_id)["_secret"]
                return json_reply(200, {"signing_secret": {"algorithm": "SHA256", "secret": secret}})
            case "GET", [resource_id, "invocations"] if kind == "webhooks":
                return page_of(request, "invocations", self._find(rows, resource_id)["_invocations"][::-1])
        raise not_found()

    @staticmethod
    def _find(rows: list[Row], resource_id: str) -> Row:
        for row in rows:
            if str(row["id"]) == resource_id:
                return row
        raise not_found()

    def _create(self, request: VendorRequest, kind: str, rows: list[Row]) -> VendorReply:
        values = json_object(request, SINGULAR[kind])
        missing = [name for name in REQUIRED_FIELDS.get(kind, ()) if not values.get(name)]
        if missing and kind == "webhooks":
            errors = [{"code": "InvalidAttribute", "title": "Invalid", "detail": f"{missing[0]} is missing"}]
            raise Refusal(json_reply(400, {"errors": errors}))
        if missing:
            raise invalid({name: f"{name.title()}: cannot be blank" for name in missing})
        if kind == "user_fields":
            self._check_key(str(values["key"]), rows)
        number = self.account.next_resource_id()
        row: Row = {"active": True, **values, "id": number, "created_at": self.account.now()}
        if kind == "webhooks":
            secret = SECRET if not rows else f"{SECRET}-{number}"
            row |= {"id": f"01HOOK{number}", "_secret": secret, "_invocations": []}
        rows.append(row)
        if kind == "user_fields":
            for user in self.account.users.values():
                user["user_fields"].setdefault(values["key"], None)
        return json_reply(201, {SINGULAR[kind]: _public_fields(row)})

    @staticmethod
    def _check_key(key: str, rows: list[Row]) -> None:
        if not key.replace("_", "").isalnum() or key.isdigit():
            raise invalid({"key": "Key: is invalid"})
        if any(row["key"] == key for row in rows):
            raise invalid({"key": f"Key: {key} has already been taken"})

    def _update(self, request: VendorRequest, kind: str, row: Row) -> VendorReply:
        values = json_object(request, SINGULAR[kind])
        conditional = "conditional_ticket_events"
        if kind == "webhooks" and "subscriptions" in values:
            was_conditional = conditional in (row.get("subscriptions") or [])
            if was_conditional != (conditional in values["subscriptions"]):
                errors = [{"code": "InvalidAttribute", "title": "Invalid", "detail": "the connection method is fixed"}]
                raise Refusal(json_reply(400, {"errors": errors}))
        row.update({key: value for key, value in values.items() if key not in ("id", "key", "type")})
        return json_reply(200, {SINGULAR[kind]: _public_fields(row)})


def _public_fields(row: Row) -> Row:
    return {key: value for key, value in row.items() if not key.startswith("_")}
