"""What most delivery hooks are written with."""

from datetime import UTC, datetime, timedelta

import pytest

from nps_connect import Receipt, Rejected, RetryLater, is_outdated, map_outcomes, pages

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def test_an_item_that_fails_leaves_the_others_as_they_are():
    refused = Rejected("no")

    def deliver(item):
        if item == 2:
            raise refused
        return Receipt(id=str(item))

    assert map_outcomes([1, 2, 3], deliver) == [Receipt(id="1"), refused, Receipt(id="3")]


def test_a_mistake_in_the_plugin_is_no_outcome():
    with pytest.raises(ZeroDivisionError):
        map_outcomes([0], lambda item: Receipt(id=str(1 // item)))


@pytest.mark.parametrize(
    ("stored", "stored_revision", "expected"),
    [
        (None, 9, False),
        (NOON - timedelta(seconds=1), 9, False),
        (NOON, 1, False),
        (NOON, 2, False),
        (NOON, 3, True),
        (NOON + timedelta(microseconds=999), 2, False),
        (NOON + timedelta(milliseconds=1), 0, True),
    ],
)
def test_the_newest_value_wins(stored, stored_revision, expected):
    assert is_outdated(NOON, stored, revision=2, stored_revision=stored_revision) is expected


def test_a_stored_moment_that_lost_its_microseconds_is_not_older():
    assert not is_outdated(NOON, NOON + timedelta(microseconds=400))
    assert not is_outdated(NOON + timedelta(microseconds=400), NOON)


def test_pages_are_read_until_the_vendor_names_no_next():
    rows = {None: ("a", "2"), "2": ("b", "3"), "3": ("c", None)}
    assert [page[0] for page in pages(rows.get, lambda page: page[1])] == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("next_cursor", "text"), [(lambda page: "same", "same page again"), (lambda page: page + 1, "more than 5 pages")]
)
def test_a_list_without_end_is_not_taken_for_whole(next_cursor, text):
    with pytest.raises(RetryLater, match=text):
        list(pages(lambda cursor: cursor or 0, next_cursor, max_pages=5))
