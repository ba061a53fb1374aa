"""The checks of listed contacts find every wrong list: lost, repeated and foreign people, and cursors of other lists."""

from __future__ import annotations

from itertools import islice

import pytest
from testing import acme

from nps_connect import ContactKey, ContactPage, ListedContact, Rejected
from nps_connect.testing.samples import PEOPLE

LISTED = "test_every_contact_is_listed_once_over_all_pages"
CURSOR = "test_page_of_contacts_can_be_read_again_and_a_foreign_cursor_is_rejected"
EMAILS = [*(person.email for person in PEOPLE), *(f"listed-{number:03d}@example.com" for number in range(230))]


def page_of(connection, cursor, size=100):
    """The right list of a vendor that can only be asked for addresses."""
    if cursor is not None and not cursor.isdigit():
        raise Rejected("not a cursor of this list")
    start = int(cursor or 0)
    keys = [ContactKey(kind="email", value=email) for email in islice(EMAILS, start, start + size)]
    matches = acme.nps_find_contacts(connection, keys)
    contacts = tuple(
        ListedContact(contact=contact.model_copy(update={"fields": {}}))
        for match in matches
        for contact in match.contacts
    )
    return ContactPage(contacts=contacts, cursor=str(start + size) if start + size < len(EMAILS) else None)


def complete(connection, cursor, fields):
    return page_of(connection, cursor)


def first_page_only(connection, cursor, fields):
    return page_of(connection, cursor).model_copy(update={"cursor": None})


def everybody_on_one_page(connection, cursor, fields):
    return page_of(connection, cursor, size=1000)


def with_a_repeated_person(connection, cursor, fields):
    page = page_of(connection, cursor)
    return page.model_copy(update={"contacts": (*page.contacts, page.contacts[-1])})


def with_unasked_fields(connection, cursor, fields):
    page = page_of(connection, cursor)
    first = page.contacts[0].contact.model_copy(update={"fields": {"city": "Lyon"}})
    return page.model_copy(update={"contacts": (ListedContact(contact=first), *page.contacts[1:])})


def with_any_cursor(connection, cursor, fields):
    return page_of(connection, cursor if cursor is None or cursor.isdigit() else None)


@pytest.mark.parametrize("check", [LISTED, CURSOR])
def test_a_correct_list_passes(contract, make_broken_plugin, findings, check):
    assert findings(contract(make_broken_plugin(nps_list_contacts=complete)), check) == []


@pytest.mark.parametrize(
    ("wrong", "check"),
    [
        (first_page_only, LISTED),
        (everybody_on_one_page, LISTED),
        (with_a_repeated_person, LISTED),
        (with_unasked_fields, LISTED),
        (with_any_cursor, CURSOR),
    ],
)
def test_a_wrong_list_fails(contract, make_broken_plugin, findings, wrong, check):
    assert findings(contract(make_broken_plugin(nps_list_contacts=wrong)), check)
