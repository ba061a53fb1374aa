"""The object endpoints: batches, single records, search."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from nps_connect_hubspot.simulated.portal import CONTACT, Portal, Record, iso
from nps_connect_hubspot.simulated.replies import Raw, Refusal, batch_body, standard_error

BATCH = 100
HISTORY_BATCH = 50


def inputs_of(body: Raw) -> list[Raw]:
    """A batch's inputs.

    Raises:
        Refusal: 400 for none, too many, or repeated ones.
    """
    inputs = body.get("inputs")
    most = HISTORY_BATCH if body.get("propertiesWithHistory") else BATCH
    if not isinstance(inputs, list) or not inputs:
        raise Refusal(400, "VALIDATION_ERROR", "inputs must not be empty")
    if len(inputs) > most:
        raise Refusal(400, "VALIDATION_ERROR", f"The maximum number of inputs supported in a batch request is {most}.")
    return inputs


def read(portal: Portal, kind: str, body: Raw, archived: bool) -> Raw:
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
    return batch_body(results, _absent(lost), "")


def update(portal: Portal, kind: str, body: Raw, now: datetime) -> Raw:
    """`batch/update`: a value that does not fit refuses the whole batch, an absent record only itself."""
    inputs = inputs_of(body)
    _no_repeats(inputs)
    _unlocked(portal, inputs)
    for given in inputs:
        _string_id(given)
        portal.check(kind, given["properties"])
    results, lost = [], []
    for given in inputs:
        record = _lookup(portal, kind, given["id"], given.get("idProperty"))
        if record is None or record.archived:
            lost.append(given["id"])
            continue
        record.set(given["properties"], now)
        results.append(record.told(given["properties"]))
    return batch_body(results, _absent(lost), iso(now))


def upsert(portal: Portal, kind: str, body: Raw, now: datetime) -> Raw:
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
    return batch_body(results, [], iso(now))


def create(portal: Portal, kind: str, body: Raw, now: datetime) -> Raw:
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
    return batch_body(results, [], iso(now))


def create_one(portal: Portal, kind: str, body: Raw, now: datetime) -> Raw:
    """A single new record."""
    _check_new(portal, kind, body)
    record = portal.create(kind, body["properties"], now)
    _associate(portal, record, body)
    return record.told(body["properties"])


def change_one(portal: Portal, kind: str, record_id: str, id_property: str | None, body: Raw, now: datetime) -> Raw:
    """A single changed record."""
    record = portal.find(kind, record_id, id_property)
    if record.id in portal.locked:
        raise Refusal(423, "LOCKED", "Resource is locked, please try again later")
    portal.check(kind, body["properties"])
    record.set(body["properties"], now)
    return record.told(body["properties"])


def _check_new(portal: Portal, kind: str, given: Raw) -> None:
    if not isinstance(given.get("associations"), list):
        raise Refusal(400, "VALIDATION_ERROR", "associations is required")
    portal.check(kind, given["properties"])
    if kind == "notes" and not given["properties"].get("hs_timestamp"):
        raise Refusal(400, "VALIDATION_ERROR", "hs_timestamp is required")
    for association in given["associations"]:
        target = _lookup(portal, CONTACT, association["to"]["id"], None)
        if target is None or target.archived:
            raise Refusal(400, "VALIDATION_ERROR", "an associated object does not exist")


def _associate(portal: Portal, record: Record, given: Raw) -> None:
    for association in given["associations"]:
        target = portal.find(CONTACT, association["to"]["id"])
        for kind in association["types"]:
            portal.link(record, target, kind["associationTypeId"])


def _lookup(portal: Portal, kind: str, value: object, id_property: str | None) -> Record | None:
    try:
        return portal.find(kind, str(value), id_property)
    except Refusal:
        return None


def _absent(ids: list[str]) -> list[Raw]:
    if not ids:
        return []
    return [standard_error("OBJECT_NOT_FOUND", "Could not get some objects, they may be deleted.", {"ids": ids})]


def _no_repeats(inputs: list[Raw]) -> None:
    if len({str(given.get("id")) for given in inputs}) < len(inputs):
        raise Refusal(400, "VALIDATION_ERROR", "Duplicate IDs found in batch input")


def _unlocked(portal: Portal, inputs: list[Raw]) -> None:
    if any(portal.survivor(str(given.get("id"))) in portal.locked for given in inputs):
        raise Refusal(423, "LOCKED", "Resource is locked, please try again later")


def _string_id(given: Mapping[str, Any]) -> None:
    if not isinstance(given.get("id"), str) or not isinstance(given.get("properties"), dict):
        raise Refusal(400, "VALIDATION_ERROR", "Invalid input JSON: id must be a string")


Batch = Callable[[Portal, str, Raw, datetime], Raw]
WRITES: Mapping[str, Batch] = {"update": update, "upsert": upsert, "create": create}
