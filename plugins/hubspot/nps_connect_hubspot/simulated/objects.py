"""Object endpoints: batches, single records."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from nps_connect_hubspot.simulated.portal import CONTACT, Portal, Record, format_moment
from nps_connect_hubspot.simulated.replies import JsonObject, Refusal, batch_body, standard_error

MAX_BATCH_SIZE = 100
MAX_HISTORY_BATCH_SIZE = 50


def inputs_of(body: JsonObject) -> list[JsonObject]:
    """Return a batch's inputs.

    Raises:
        Refusal: 400 for no inputs or too many.
    """
    inputs = body.get("inputs")
    max_inputs = MAX_HISTORY_BATCH_SIZE if body.get("propertiesWithHistory") else MAX_BATCH_SIZE
    if not isinstance(inputs, list) or not inputs:
        raise Refusal(400, "VALIDATION_ERROR", "inputs must not be empty")
    if len(inputs) > max_inputs:
        text = f"The maximum number of inputs supported in a batch request is {max_inputs}."
        raise Refusal(400, "VALIDATION_ERROR", text)
    return inputs


def list_page(portal: Portal, kind: str, query: Mapping[str, str]) -> JsonObject:
    """Return a page of records by id; `after` is the id from which it continues. Source: "List objects".

    Raises:
        Refusal: 400 for a limit above 100 or something that is no cursor.
    """
    after, limit = query.get("after", "0"), query.get("limit", "10")
    if not after.isdigit() or not limit.isdigit() or not 1 <= int(limit) <= MAX_BATCH_SIZE:
        raise Refusal(400, "VALIDATION_ERROR", "after must be a cursor of a page, and limit from 1 to 100")
    alive = [record for record in portal.records[kind].values() if not record.archived]
    records = [record for record in sorted(alive, key=lambda record: int(record.id)) if int(record.id) >= int(after)]
    names = [name for name in query.get("properties", "").split(",") if name]
    content: JsonObject = {"results": [record.to_json(names) for record in records[: int(limit)]]}
    if len(records) > int(limit):
        content["paging"] = {"next": {"after": records[int(limit)].id}}
    return content


def read(portal: Portal, kind: str, body: JsonObject, now: datetime, *, archived: bool) -> JsonObject:
    """`batch/read`: missing records are left out and reported in `errors`."""
    if "properties" not in body or "propertiesWithHistory" not in body:
        raise Refusal(400, "VALIDATION_ERROR", "properties and propertiesWithHistory are required")
    records: dict[str, Record] = {}
    missing_ids = []
    for item in inputs_of(body):
        record = _lookup(portal, kind, item["id"], body.get("idProperty"))
        if record is None or record.archived != archived:
            missing_ids.append(str(item["id"]))
        else:
            records[record.id] = record
    results = [record.to_json(body["properties"], body["propertiesWithHistory"]) for record in records.values()]
    return batch_body(results, _not_found_errors(kind, missing_ids), format_moment(now))


def update(portal: Portal, kind: str, body: JsonObject, now: datetime) -> JsonObject:
    """`batch/update`: an invalid value rejects the whole batch, a missing record only itself."""
    inputs = inputs_of(body)
    _check_unique_ids(inputs)
    _check_not_locked(portal, inputs)
    for item in inputs:
        _check_string_id(item)
        portal.check(kind, item["properties"])
    results, missing_ids = [], []
    for item in inputs:
        record = _lookup(portal, kind, item["id"], item.get("idProperty"))
        if record is None or record.archived:
            missing_ids.append(item["id"])
            continue
        record.set(item["properties"], now)
        results.append(record.to_json(item["properties"]))
    return batch_body(results, _not_found_errors(kind, missing_ids), format_moment(now))


def upsert(portal: Portal, kind: str, body: JsonObject, now: datetime) -> JsonObject:
    """`batch/upsert` by a unique property."""
    results = []
    for item in inputs_of(body):
        name = item.get("idProperty") or "email"
        portal.check(kind, item["properties"])
        record = _lookup(portal, kind, item["id"], name)
        is_new = record is None
        if record is None:
            record = portal.create(kind, {name: item["id"]}, now)
        record.set(item["properties"], now)
        results.append({**record.to_json(item["properties"]), "new": is_new})
    return batch_body(results, [], format_moment(now))


def create(portal: Portal, kind: str, body: JsonObject, now: datetime) -> JsonObject:
    """`batch/create`: a bad input rejects the whole batch, or only itself if the inputs have an `objectWriteTraceId`.

    Source: https://developers.hubspot.com/docs/api-reference/error-handling (multi-status errors).
    """
    inputs = inputs_of(body)
    errors: list[JsonObject] = []
    accepted = []
    for item in inputs:
        try:
            _check_new(portal, kind, item)
            accepted.append(item)
        except Refusal as refusal:
            if not item.get("objectWriteTraceId"):
                raise
            error = standard_error(
                refusal.body["category"],
                refusal.body["message"],
                {"objectWriteTraceId": [item["objectWriteTraceId"]]},
            )
            errors.append({**error, "errors": refusal.body.get("errors", [])})
    results = []
    for item in accepted:
        record = portal.create(kind, item["properties"], now)
        _associate(portal, record, item)
        result = record.to_json(item["properties"])
        trace = item.get("objectWriteTraceId")
        results.append({**result, "objectWriteTraceId": trace} if trace else result)
    return batch_body(results, errors, format_moment(now))


def archive(portal: Portal, kind: str, body: JsonObject, now: datetime) -> None:
    """Archive records; an unknown id is no error. Source: the archive operations in HubSpot's public API specs."""
    inputs = body.get("inputs") or []
    if not 1 <= len(inputs) <= MAX_BATCH_SIZE:
        raise Refusal(400, "VALIDATION_ERROR", "between 1 and 100 inputs are allowed")
    for item in inputs:
        record = portal.records[kind].get(str(item.get("id")))
        if record is not None:
            record.archived, record.updated = True, now


def create_one(portal: Portal, kind: str, body: JsonObject, now: datetime) -> JsonObject:
    """Create a single record."""
    _check_new(portal, kind, body)
    record = portal.create(kind, body["properties"], now)
    _associate(portal, record, body)
    return record.to_json(body["properties"])


def update_one(
    portal: Portal, kind: str, record_id: str, id_property: str | None, body: JsonObject, now: datetime
) -> JsonObject:
    """Update a single record."""
    record = portal.find(kind, record_id, id_property)
    if record.id in portal.locked:
        raise Refusal(423, "LOCKED", "Resource is locked, please try again later")
    portal.check(kind, body["properties"])
    record.set(body["properties"], now)
    return record.to_json(body["properties"])


def _check_new(portal: Portal, kind: str, item: JsonObject) -> None:
    if not isinstance(item.get("associations"), list):
        raise Refusal(400, "VALIDATION_ERROR", "associations is required")
    portal.check(kind, item["properties"])
    portal.check_unique(kind, item["properties"])
    if kind in ("notes", "tasks") and not item["properties"].get("hs_timestamp"):
        raise Refusal(400, "VALIDATION_ERROR", "hs_timestamp is required")
    for association in item["associations"]:
        target = _lookup(portal, CONTACT, association["to"]["id"], None)
        if target is None or target.archived:
            raise Refusal(400, "VALIDATION_ERROR", "an associated object does not exist")


def _associate(portal: Portal, record: Record, item: JsonObject) -> None:
    for association in item["associations"]:
        target = portal.find(CONTACT, association["to"]["id"])
        for kind in association["types"]:
            portal.link(record, target, kind["associationTypeId"])


def _lookup(portal: Portal, kind: str, value: object, id_property: str | None) -> Record | None:
    try:
        return portal.find(kind, str(value), id_property)
    except Refusal:
        return None


def _not_found_errors(kind: str, ids: list[str]) -> list[JsonObject]:
    """Return one error for all missing ids (https://github.com/HubSpot/hubspot-api-php/issues/619)."""
    if not ids:
        return []
    noun = kind.removesuffix("s").upper()
    text = f"Could not get some {noun} objects, they may be deleted or not exist. Check that ids are valid."
    return [standard_error("OBJECT_NOT_FOUND", text, {"ids": ids})]


def _check_unique_ids(inputs: list[JsonObject]) -> None:
    if len({str(item.get("id")) for item in inputs}) < len(inputs):
        raise Refusal(400, "VALIDATION_ERROR", "Duplicate IDs found in batch input")


def _check_not_locked(portal: Portal, inputs: list[JsonObject]) -> None:
    if any(portal.survivor(str(item.get("id"))) in portal.locked for item in inputs):
        raise Refusal(423, "LOCKED", "Resource is locked, please try again later")


def _check_string_id(item: Mapping[str, Any]) -> None:
    if not isinstance(item.get("id"), str) or not isinstance(item.get("properties"), dict):
        raise Refusal(400, "VALIDATION_ERROR", "Invalid input JSON: id must be a string")


BatchHandler = Callable[[Portal, str, JsonObject, datetime], JsonObject]
WRITE_HANDLERS: Mapping[str, BatchHandler] = {"update": update, "upsert": upsert, "create": create}
