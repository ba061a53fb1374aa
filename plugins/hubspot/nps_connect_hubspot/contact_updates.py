"""Batch updates of contacts; failures are mapped back to their records.

HubSpot's batch responses contain no input index. An input that is not among `results` has failed. Its error is found by
the ids that the error names, by elimination when one reason is left, or with smaller batches. A batch that is rejected
as a whole (400) is bisected until the bad record is alone, so that it does not block the other 99.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from nps_connect import DeliveryError, NotAllowed, Rejected, RetryLater
from nps_connect_hubspot.api import MAX_BATCH_SIZE, Api, BatchResult, split_batches
from nps_connect_hubspot.contact_records import merged_ids, properties_of
from nps_connect_hubspot.errors import error_in_batch, record_ids

UpdateOutcome = DeliveryError | None
"""Outcome of one record; None means written."""

ENDPOINT_GONE_STATUSES = (404, 410)

PropertyUpdate = tuple[str, Mapping[str, str]]


def update_contacts(api: Api, rows: Mapping[str, Mapping[str, str]], *, id_property: str) -> dict[str, UpdateOutcome]:
    """Write properties of contacts; returns an outcome per contact id.

    Args:
        api: the portal.
        rows: properties by contact id.
        id_property: a property with a different value in every row; it identifies a record that is returned under
            another id, as after a merge.

    Raises:
        DeliveryError: applies to all rows: quota, authorisation, a missing property.
    """
    outcomes: dict[str, UpdateOutcome] = {}
    for part in split_batches(list(rows.items()), MAX_BATCH_SIZE):
        outcomes |= _update_batch(api, part, id_property)
    return outcomes


def _update_batch(api: Api, rows: Sequence[PropertyUpdate], id_property: str) -> dict[str, UpdateOutcome]:
    body = {"inputs": [{"id": contact_id, "properties": dict(properties)} for contact_id, properties in rows]}
    try:
        result = api.batch(api.paths.batch("contacts", "update"), body)
    except Rejected as error:
        if error.status in ENDPOINT_GONE_STATUSES:
            raise
        if len(rows) == 1:
            return {rows[0][0]: error}
        return _bisect(api, rows, id_property)
    written = _written_ids(result, rows, id_property)
    outcomes: dict[str, UpdateOutcome] = dict.fromkeys(written) | _errors_by_id(result, rows, written)
    unclear = [row for row in rows if row[0] not in outcomes]
    if not unclear:
        return outcomes
    retry = _bisect if len(unclear) == len(rows) else _update_batch
    return outcomes | retry(api, unclear, id_property)


def _bisect(api: Api, rows: Sequence[PropertyUpdate], id_property: str) -> dict[str, UpdateOutcome]:
    middle = (len(rows) + 1) // 2
    outcomes = _update_batch(api, rows[:middle], id_property)
    return outcomes | _update_batch(api, rows[middle:], id_property) if rows[middle:] else outcomes


def _written_ids(result: BatchResult, rows: Sequence[PropertyUpdate], id_property: str) -> list[str]:
    """Return the sent ids that HubSpot wrote, including those returned under the id of a surviving record."""
    result_ids = {str(record.get("id")) for record in result.results}
    if all(contact_id in result_ids for contact_id, _ in rows):
        return [contact_id for contact_id, _ in rows]
    former_ids = {merged_id for record in result.results for merged_id in merged_ids(record)}
    values = {properties_of(record).get(id_property) for record in result.results} - {None}
    return [
        contact_id
        for contact_id, properties in rows
        if contact_id in result_ids or contact_id in former_ids or properties.get(id_property) in values
    ]


def _errors_by_id(
    result: BatchResult, rows: Sequence[PropertyUpdate], written: Sequence[str]
) -> dict[str, UpdateOutcome]:
    """Return the errors of failed records whose reason is clear."""
    failed = [contact_id for contact_id, _ in rows if contact_id not in written]
    errors: dict[str, UpdateOutcome] = {}
    unassigned = []
    for entry in result.errors:
        error = error_in_batch(entry)
        if isinstance(error, NotAllowed):
            return dict.fromkeys(failed, error)
        named_ids = [contact_id for contact_id in record_ids(entry) if contact_id in failed]
        errors |= dict.fromkeys(named_ids, error)
        if not named_ids:
            unassigned.append(error)
    open_ids = [contact_id for contact_id in failed if contact_id not in errors]
    is_one_reason = len({(type(error), error.message) for error in unassigned}) == 1
    if unassigned and open_ids and (len(open_ids) == 1 or is_one_reason):
        errors |= dict.fromkeys(open_ids, unassigned[0])
    if open_ids and not unassigned:
        why = "reported neither success nor failure for the record" if result.complete else "has not finished the batch"
        errors |= dict.fromkeys(open_ids, RetryLater(f"HubSpot {why}"))
    return errors
