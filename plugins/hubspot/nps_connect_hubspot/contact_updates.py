"""Batch updates whose failures are mapped back to their records.

HubSpot's answer holds no input index. What is not among `results` has failed; which of the `errors` it is, is told by
the ids that an error names, or is clear when only one reason is left, or is found out with smaller batches. A refusal
of the whole batch (400) is halved until the one bad record stands alone, so that it never blocks the 99 others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from nps_connect import DeliveryError, NotAllowed, Rejected, RetryLater
from nps_connect_hubspot.api import MAX_BATCH_SIZE as MOST
from nps_connect_hubspot.api import Api, BatchResult, split_batches
from nps_connect_hubspot.contact_records import merged_ids, properties_of
from nps_connect_hubspot.errors import error_in_batch, record_ids

UpdateOutcome = DeliveryError | None
"""What became of one record: none = written."""

ENDPOINT_GONE_STATUSES = (404, 410)

PropertyUpdate = tuple[str, Mapping[str, str]]


def update_contacts(api: Api, rows: Mapping[str, Mapping[str, str]], *, mark: str) -> dict[str, UpdateOutcome]:
    """Write properties of contacts.

    Args:
        api: the portal.
        rows: properties by contact id.
        mark: a property whose value is different in every row; it tells a record that answers under another id, as
            after a merge.

    Raises:
        DeliveryError: for all rows: quota, authorisation, a property that HubSpot lacks.
    """
    outcomes: dict[str, UpdateOutcome] = {}
    for part in split_batches(list(rows.items()), MOST):
        outcomes |= _update_batch(api, part, mark)
    return outcomes


def _update_batch(api: Api, rows: Sequence[PropertyUpdate], mark: str) -> dict[str, UpdateOutcome]:
    body = {"inputs": [{"id": contact_id, "properties": dict(told)} for contact_id, told in rows]}
    try:
        answer = api.batch(api.paths.batch("contacts", "update"), body)
    except Rejected as refused:
        if refused.status in ENDPOINT_GONE_STATUSES:
            raise
        if len(rows) == 1:
            return {rows[0][0]: refused}
        return _bisect(api, rows, mark)
    written = _written_ids(answer, rows, mark)
    outcomes: dict[str, UpdateOutcome] = dict.fromkeys(written) | _errors_by_id(answer, rows, written)
    unclear = [row for row in rows if row[0] not in outcomes]
    if not unclear:
        return outcomes
    return outcomes | (_bisect(api, unclear, mark) if len(unclear) == len(rows) else _update_batch(api, unclear, mark))


def _bisect(api: Api, rows: Sequence[PropertyUpdate], mark: str) -> dict[str, UpdateOutcome]:
    middle = (len(rows) + 1) // 2
    outcomes = _update_batch(api, rows[:middle], mark)
    return outcomes | _update_batch(api, rows[middle:], mark) if rows[middle:] else outcomes


def _written_ids(answer: BatchResult, rows: Sequence[PropertyUpdate], mark: str) -> list[str]:
    """The ids that we sent and HubSpot wrote, also when it answers with a survivor's id."""
    told = {str(result.get("id")) for result in answer.results}
    if all(contact_id in told for contact_id, _ in rows):
        return [contact_id for contact_id, _ in rows]
    former = {old for result in answer.results for old in merged_ids(result)}
    marks = {properties_of(result).get(mark) for result in answer.results} - {None}
    return [
        contact_id for contact_id, sent in rows if contact_id in told or contact_id in former or sent.get(mark) in marks
    ]


def _errors_by_id(
    answer: BatchResult, rows: Sequence[PropertyUpdate], written: Sequence[str]
) -> dict[str, UpdateOutcome]:
    """Failures whose reason is clear."""
    failed = [contact_id for contact_id, _ in rows if contact_id not in written]
    found: dict[str, UpdateOutcome] = {}
    unnamed = []
    for told in answer.errors:
        error = error_in_batch(told)
        if isinstance(error, NotAllowed):
            return dict.fromkeys(failed, error)
        named = [contact_id for contact_id in record_ids(told) if contact_id in failed]
        found |= dict.fromkeys(named, error)
        if not named:
            unnamed.append(error)
    left = [contact_id for contact_id in failed if contact_id not in found]
    if unnamed and left and (len(left) == 1 or len({(type(error), error.message) for error in unnamed}) == 1):
        found |= dict.fromkeys(left, unnamed[0])
    if left and not unnamed:
        why = "told neither success nor failure for the record" if answer.complete else "has not finished the batch"
        found |= dict.fromkeys(left, RetryLater(f"HubSpot {why}"))
    return found
