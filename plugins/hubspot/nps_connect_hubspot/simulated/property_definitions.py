"""Property definitions of the portal, and the validation of values against them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from nps_connect_hubspot.simulated.replies import JsonObject, Refusal

FIELD_TYPES = {
    "enumeration": {"booleancheckbox", "checkbox", "radio", "select"},
    "number": {"number", "calculation_equation"},
    "date": {"date"},
    "datetime": {"date"},
    "string": {"text", "textarea", "html", "phonenumber", "file"},
    "bool": {"booleancheckbox", "calculation_equation"},
    "phone_number": {"phonenumber"},
}
MAX_VALUE_LENGTH = 65_536
_TEXTS = {
    "contacts": (
        "email",
        "firstname",
        "lastname",
        "hs_language",
        "hs_timezone",
        "lifecyclestage",
        "country",
        "hubspot_owner_id",
    ),
    "deals": ("dealname", "pipeline", "closedate", "deal_currency_code"),
    "tickets": ("subject", "hs_pipeline", "hs_ticket_priority", "content"),
    "notes": ("hs_note_body", "hs_timestamp", "hubspot_owner_id"),
    "tasks": ("hs_task_body", "hs_task_subject", "hs_timestamp", "hubspot_owner_id"),
}
_TASK_OPTIONS = {
    "hs_task_status": ("NOT_STARTED", "IN_PROGRESS", "WAITING", "DEFERRED", "COMPLETED"),
    "hs_task_priority": ("NONE", "LOW", "MEDIUM", "HIGH"),
    "hs_task_type": ("TODO", "CALL", "EMAIL"),
}
"""Values of tasks (https://developers.hubspot.com/docs/api-reference/latest/crm/activities/tasks/guide)."""

_READ_ONLY = ("hs_merged_object_ids", "hs_calculated_merged_vids", "hs_additional_emails", "hs_object_id")
_STAGES = {
    ("deals", "dealstage"): {"appointmentscheduled": "Appointment", "closedwon": "Won", "closedlost": "Lost"},
    ("tickets", "hs_pipeline_stage"): {"1": "New", "2": "Waiting", "4": "Closed"},
}


def build_definition(name: str, kind: str = "string", field: str = "text", **more: Any) -> JsonObject:  # noqa: ANN401
    """Return a definition in the API's form."""
    return {
        "name": name,
        "label": name,
        "type": kind,
        "fieldType": field,
        "groupName": "information",
        "options": [],
        "hubspotDefined": True,
        "modificationMetadata": {"archivable": True, "readOnlyDefinition": False, "readOnlyValue": False},
        **more,
    }


def build_option(value: str, label: str) -> JsonObject:
    """Return an option of an enumeration."""
    return {"label": label, "value": value, "displayOrder": 0, "hidden": False}


def built_in_definitions() -> dict[str, dict[str, JsonObject]]:
    """Return the definitions that every portal has, as far as the plugin uses them; new objects at each call."""
    definitions = {kind: {name: build_definition(name) for name in names} for kind, names in _TEXTS.items()}
    definitions["deals"]["amount"] = build_definition("amount", "number", "number")
    definitions["contacts"]["hs_email_optout"] = build_definition("hs_email_optout", "bool", "booleancheckbox")
    for (kind, name), stages in _STAGES.items():
        options = [build_option(value, label) for value, label in stages.items()]
        definitions[kind][name] = build_definition(name, "enumeration", "radio", options=options)
    for name, values in _TASK_OPTIONS.items():
        options = [build_option(value, value) for value in values]
        definitions["tasks"][name] = build_definition(name, "enumeration", "select", options=options)
    for name in _READ_ONLY:
        locked = {"archivable": False, "readOnlyDefinition": True, "readOnlyValue": True}
        definitions["contacts"][name] = build_definition(name, modificationMetadata=locked)
    return definitions


def validate_new_definition(body: JsonObject, groups: Iterable[str], existing: Iterable[str]) -> JsonObject:
    """Return a new definition.

    Raises:
        Refusal: 400 for missing or invalid fields, 409 for a name that exists.
    """
    missing = [key for key in ("name", "label", "type", "fieldType", "groupName") if not body.get(key)]
    if missing:
        raise Refusal(400, "VALIDATION_ERROR", f"Some required fields were not set: {missing}")
    if body["fieldType"] not in FIELD_TYPES.get(body["type"], set()):
        raise Refusal(400, "VALIDATION_ERROR", f"fieldType {body['fieldType']} does not go with type {body['type']}")
    if body["groupName"] not in groups:
        raise Refusal(400, "VALIDATION_ERROR", f"Property group {body['groupName']} does not exist")
    if body["name"] in existing:
        raise Refusal(409, "CONFLICT", f"A property named '{body['name']}' already exists.")
    _check_options(body.get("options") or [])
    return {**build_definition(body["name"], body["type"], body["fieldType"]), **body, "hubspotDefined": False}


def update_definition(definition: JsonObject, body: JsonObject) -> JsonObject:
    """Return a changed definition.

    Raises:
        Refusal: 400 if an admin locked it or an option is incomplete.
    """
    if definition["modificationMetadata"]["readOnlyDefinition"]:
        raise Refusal(400, "VALIDATION_ERROR", f"The definition of {definition['name']} is read-only")
    _check_options(body.get("options") or [])
    return {**definition, **body}


def value_error(definition: JsonObject | None, name: str, value: object) -> JsonObject | None:
    """Return what is wrong with a value, or None."""
    if definition is None:
        return _build_error(name, "PROPERTY_DOESNT_EXIST", f'Property "{name}" does not exist')
    if definition["modificationMetadata"]["readOnlyValue"]:
        return _build_error(name, "READ_ONLY_VALUE", f'"{name}" is a read only property; its value cannot be set')
    if not isinstance(value, str):
        return _build_error(name, "INVALID_TYPE", f"{name} must be a string")
    if value == "":
        return None
    code = _type_mismatch(definition, value)
    return _build_error(name, code, f"{name} got a value that is not valid ({code})") if code else None


def _type_mismatch(definition: JsonObject, value: str) -> str | None:
    kind = definition["type"]
    if kind == "number":
        return None if _is_number(value) else "INVALID_FLOAT"
    if kind in ("date", "datetime"):
        return None if _is_moment(value) else "INVALID_DATE"
    if kind == "enumeration":
        return None if value in {option["value"] for option in definition["options"]} else "INVALID_OPTION"
    if kind == "string" and len(value.encode("utf-16-le", "surrogatepass")) // 2 > MAX_VALUE_LENGTH:
        return "PROPERTY_VALUE_TOO_LONG"
    return None


def _check_options(options: Iterable[JsonObject]) -> None:
    for option in options:
        if not {"label", "value", "displayOrder", "hidden"} <= option.keys():
            raise Refusal(400, "VALIDATION_ERROR", "an option needs label, value, displayOrder and hidden")


def _build_error(name: str, code: str, message: str) -> JsonObject:
    return {"name": name, "error": code, "message": message}


def _is_number(value: str) -> bool:
    try:
        float(value)
    except ValueError:
        return False
    return "," not in value and "_" not in value


def _is_moment(value: str) -> bool:
    if value.lstrip("-").isdigit():
        return True
    try:
        return datetime.fromisoformat(value).tzinfo is not None
    except ValueError:
        return False
