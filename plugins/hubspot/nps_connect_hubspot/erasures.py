"""Erasure of what we have written about a person: our properties are emptied, our notes and tasks deleted.

The contact itself stays, and so do its subscriptions. HubSpot keeps former values in the history of a property until
the contact is deleted permanently, and deleted notes and tasks in its recycle bin.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from nps_connect import (
    Connection,
    ContactErasure,
    ContactKey,
    DeliveryError,
    Receipt,
    TargetGone,
    hookimpl,
    map_outcomes,
)
from nps_connect_hubspot.api import MAX_BATCH_SIZE, Api, JsonObject, split_batches
from nps_connect_hubspot.contact_lookup import find_matches
from nps_connect_hubspot.contact_properties import PROPERTY_DEFINITIONS
from nps_connect_hubspot.contact_records import properties_of, record_url
from nps_connect_hubspot.contact_updates import update_contacts
from nps_connect_hubspot.engagements import NOTE, TASK, EngagementKind, find_own_engagements
from nps_connect_hubspot.settings import HubSpotSettings

ACTION = "erase_contact"


@hookimpl
def nps_erase_contacts(
    connection: Connection[HubSpotSettings], erasures: Sequence[ContactErasure]
) -> Sequence[Receipt | DeliveryError]:
    """Empty our properties of each person's contacts, and delete our notes and tasks on them."""
    api = Api(connection, ACTION)
    return map_outcomes(erasures, partial(_erase, api, connection))


def _erase(api: Api, connection: Connection[HubSpotSettings], erasure: ContactErasure) -> Receipt:
    records = _load_contacts(api, connection, erasure)
    if not records:
        raise TargetGone("HubSpot does not know this person, or has deleted them")
    contact_ids = list(records)
    tasks, notes = (_delete_engagements(api, kind, contact_ids) for kind in (TASK, NOTE))
    names = {name for properties in records.values() for name in properties}
    rows = {contact_id: dict.fromkeys(names, "") for contact_id in contact_ids} if names else {}
    id_property = api.settings.property_prefix + "response_id"
    for error in filter(None, update_contacts(api, rows, id_property=id_property).values()):
        raise error
    note = (
        f"emptied {len(names)} properties, deleted {notes} notes and {tasks} tasks; the contact, the history of its "
        "properties and the recycle bin stay until the contact is deleted permanently in HubSpot"
    )
    return Receipt(id=contact_ids[0], link=record_url(api.settings, {"id": contact_ids[0]}), note=note)


def _load_contacts(
    api: Api, connection: Connection[HubSpotSettings], erasure: ContactErasure
) -> dict[str, dict[str, str]]:
    """Return those of our properties that have a value, by the id of each contact that HubSpot has."""
    contact_ids = list(erasure.contact_ids)
    if erasure.emails:
        keys = [ContactKey(kind="email", value=email) for email in erasure.emails]
        contact_ids += [contact.id for match in find_matches(api, connection, keys, ()) for contact in match.contacts]
    names = {api.settings.property_prefix + definition.suffix for definition in PROPERTY_DEFINITIONS}
    records = api.read("contacts", contact_ids, names) if contact_ids else []
    return {str(record["id"]): _filled(record, names) for record in records}


def _filled(record: JsonObject, names: set[str]) -> dict[str, str]:
    return {name: value for name, value in properties_of(record).items() if name in names and value is not None}


def _delete_engagements(api: Api, kind: EngagementKind, contact_ids: Sequence[str]) -> int:
    """Delete our notes or tasks of these contacts; return their number."""
    ids = [str(record["id"]) for record in find_own_engagements(api, kind, contact_ids)]
    for part in split_batches(ids, MAX_BATCH_SIZE):
        body = {"inputs": [{"id": record_id} for record_id in part]}
        api.send("POST", api.paths.batch(kind.objects, "archive"), body, idempotent=True)
    return len(ids)
