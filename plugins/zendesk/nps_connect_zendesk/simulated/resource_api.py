"""Simulated resource lists of an account: fields, groups, brands, forms, triggers, automations, webhooks.

Source of webhooks and their invocations: https://developer.zendesk.com/api-reference/webhooks/webhooks-api/webhooks/.
"""

from __future__ import annotations

from dataclasses import dataclass

from nps_connect import VendorReply, VendorRequest, json_reply
from nps_connect_zendesk.simulated.account import Account, Row
from nps_connect_zendesk.simulated.event_types import invalid_subscription
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
RULE_PARTS = {"conditions", "actions"}
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
            case "DELETE", [resource_id] if kind in ("triggers", "webhooks"):
                rows.remove(self._find(rows, resource_id))
                return VendorReply(204)
            case "GET", [resource_id, "signing_secret"] if kind == "webhooks":
                secret = self._find(rows, resource_id)["_secret"]
                return json_reply(200, {"signing_secret": {"algorithm": "SHA256", "secret": secret}})
            case "GET", [resource_id, "invocations"] if kind == "webhooks":
                invocations = self._find(rows, resource_id)["_invocations"][::-1]
                status = request.query.get("filter[status]")
                return page_of(request, "invocations", [row for row in invocations if status in (None, row["status"])])
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
            raise _invalid_webhook(f"{missing[0]} is missing")
        if kind == "webhooks" and (problem := invalid_subscription(values)):
            raise _invalid_webhook(problem)
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
                raise _invalid_webhook("the connection method is fixed")
        if kind == "triggers" and RULE_PARTS & values.keys():
            # An update of one part clears what it does not send of both
            # (https://developer.zendesk.com/api-reference/ticketing/business-rules/triggers/#update-trigger).
            values = {**values, "conditions": _conditions(values), "actions": values.get("actions") or []}
        row.update({key: value for key, value in values.items() if key not in ("id", "key", "type")})
        if kind == "webhooks":  # not verified: the status is from a third party's description of the API
            return VendorReply(204)
        return json_reply(200, {SINGULAR[kind]: _public_fields(row)})


def _invalid_webhook(detail: str) -> Refusal:
    errors = [{"code": "InvalidAttribute", "title": "Invalid", "detail": detail}]
    return Refusal(json_reply(400, {"errors": errors}))


def _conditions(values: Row) -> Row:
    conditions = values.get("conditions") or {}
    return {"all": conditions.get("all") or [], "any": conditions.get("any") or []}


def _public_fields(row: Row) -> Row:
    fields = {key: value for key, value in row.items() if not key.startswith("_")}
    if "authentication" in fields:  # the credentials are never given back
        fields["authentication"] = {key: value for key, value in fields["authentication"].items() if key != "data"}
    return fields
