"""The object endpoints: batches, single records, search."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from nps_connect_hubspot.simulated.portal import CONTACT, Portal, Record, format_moment
from nps_connect_hubspot.simulated.replies import JsonObject, Refusal, batch_body, standard_error

MAX_BATCH_SIZE = 100
MAX_HISTORY_BATCH_SIZE = 50


def inputs_of(body: JsonObject) -> list[JsonObject]:
    """A batch's inputs.

    Raises:
        Refusal: 400 for none, too many, or repeated ones.
    """
    inputs = body.get("inputs")
    most = MAX_HISTORY_BATCH_SIZE if body.get("propertiesWithHistory") else MAX_BATCH_SIZE
    if not isinstance(inputs, list) or not inputs:
        raise Refusal(400, "VALIDATION_ERROR", "inputs must not be empty")
    if len(inputs) > most:
        raise Refusal(400, "VALIDATION_ERROR", f"The maximum number of inputs supported in a batch request is {most}.")
    return inputs


def read(portal: Portal, kind: str, body: JsonObject, archived: bool) -> JsonObject:
    """`batch/read`: what is not there is left out and told in `errors`."""
    if "properties" not in body or "propertiesWithHistory" not in body:
        raise Refusal(400, "VALIDATION_ERROR", "properties and propertiesWithHistory are required")
    found: dict[str, Record] = {}
    lost = []
    for wanted in inputs_of(body):
        record = _lookup(portal, kind, wanted["id"], body.get("idProperty"))
        if record is None or record.archived != archived:
            lost.append(str(wanted["id"]))
        else:
            found[record.id] = record
    results = [record.told(body["properties"], body["propertiesWithHistory"]) for record in found.values()]
    return batch_body(results, _not_found_errors(lost), "")


def update(portal: Portal, kind: str, body: JsonObject, now: datetime) -> JsonObject:
    """`batch/update`: a value that does not fit refuses the whole batch, an absent record only itself."""
    inputs = inputs_of(body)
    _check_unique_ids(inputs)
    _check_not_locked(portal, inputs)
    for given in inputs:
        _check_string_id(given)
        portal.check(kind, given["properties"])
    results, lost = [], []
    for given in inputs:
        record = _lookup(portal, kind, given["id"], given.get("idProperty"))
        if record is None or record.archived:
            lost.append(given["id"])
            continue
        record.set(given["properties"], now)
        results.append(record.told(given["properties"]))
    return batch_body(results, _not_found_errors(lost), format_moment(now))


def upsert(portal: Portal, kind: str, body: JsonObject, now: datetime) -> JsonObject:
    """`batch/upsert` by a unique property."""
    results = []
    for given in inputs_of(body):
        name = given.get("idProperty") or "email"
        portal.check(kind, given["properties"])
        record = _lookup(portal, kind, given["id"], name)
        fresh = record is None
        if record is None:
            record = portal.create(kind, {name: given["id"]}, now)
        record.set(given["properties"], now)
        results.append({**record.told(given["properties"]), "new": fresh})
    return batch_body(results, [], format_moment(now))


def create(portal: Portal, kind: str, body: JsonObject, now: datetime) -> JsonObject:
    """`batch/create`: an association with an absent record refuses the whole batch."""
    inputs = inputs_of(body)
    for given in inputs:
        _check_new(portal, kind, given)
    results = []
    for given in inputs:
        record = portal.create(kind, given["properties"], now)
        _associate(portal, record, given)
        told = record.told(given["properties"])
        trace = given.get("objectWriteTraceId")
        results.append({**told, "objectWriteTraceId": trace} if trace else told)
    return batch_body(results, [], format_moment(now))


def create_one(portal: Portal, kind: str, body: JsonObject, now: datetime) -> JsonObject:
    """A single new record."""
    _check_new(portal, kind, body)
    record = portal.create(kind, body["properties"], now)
    _associate(portal, record, body)
    return record.told(body["properties"])


def update_one(
    portal: Portal, kind: str, record_id: str, id_property: str | None, body: JsonObject, now: datetime
) -> JsonObject:
    """A single changed record."""
    record = portal.find(kind, record_id, id_property)
    if record.id in portal.locked:
        raise Refusal(423, "LOCKED", "Resource is locked, please try again later")
    portal.check(kind, body["properties"])
    record.set(body["properties"], now)
    return record.told(body["properties"])


def _check_new(portal: Portal, kind: str, given: JsonObject) -> None:
    if not isinstance(given.get("associations"), list):
        raise Refusal(400, "VALIDATION_ERROR", "associations is required")
    portal.check(kind, given["properties"])
    if kind == "notes" and not given["properties"].get("hs_timestamp"):
        raise Refusal(400, "VALIDATION_ERROR", "hs_timestamp is required")
    for association in given["associations"]:
        target = _lookup(portal, CONTACT, association["to"]["id"], None)
        if target is None or target.archived:
            raise Refusal(400, "VALIDATION_ERROR", "an associated object does not exist")


def _associate(portal: Portal, record: Record, given: JsonObject) -> None:
    for association in given["associations"]:
        target = portal.find(CONTACT, association["to"]["id"])
        for kind in association["types"]:
            portal.link(record, target, kind["associationTypeId"])


def _lookup(portal: Portal, kind: str, value: object, id_property: str | None) -> Record | None:
    try:
        return portal.find(kind, str(value), id_property)
    except Refusal:
        return None


def _not_found_errors(ids: list[str]) -> list[JsonObject]:
    if not ids:
        return []
    return [standard_error("OBJECT_NOT_FOUND", "Could not get some objects, they may be deleted.", {"ids": ids})]


def _check_unique_ids(inputs: list[JsonObject]) -> None:
    if len({str(given.get("id")) for given in inputs}) < len(inputs):
        raise Refusal(400, "VALIDATION_ERROR", "Duplicate IDs found in batch input")


def _check_not_locked(portal: Portal, inputs: list[JsonObject]) -> None:
    if any(portal.survivor(str(given.get("id"))) in portal.locked for given in inputs):
        raise Refusal(423, "LOCKED", "Resource is locked, please try again later")


def _check_string_id(given: Mapping[str, Any]) -> None:
    if not isinstance(given.get("id"), str) or not isinstance(given.get("properties"), dict):
        raise Refusal(400, "VALIDATION_ERROR", "Invalid input JSON: id must be a string")


BatchHandler = Callable[[Portal, str, JsonObject, datetime], JsonObject]
WRITE_HANDLERS: Mapping[str, BatchHandler] = {"update": update, "upsert": upsert, "create": create}
