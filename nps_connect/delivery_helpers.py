"""What most delivery hooks need: one outcome per item, the newest value wins, and pages of a list. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import TypeVar

from nps_connect.errors import DeliveryError, RetryLater
from nps_connect.records.deliveries import Receipt

ItemT = TypeVar("ItemT")
PageT = TypeVar("PageT")
CursorT = TypeVar("CursorT")

MAX_PAGES = 1000
"""Pages of one list that are read before the vendor's cursors are taken for a loop."""


def map_outcomes(items: Iterable[ItemT], call: Callable[[ItemT], Receipt]) -> list[Receipt | DeliveryError]:
    """Return one outcome per item, in order: the receipt that `call` returns, or the `DeliveryError` that it raises.

    So one item that fails leaves the others as they are. Other exceptions propagate: the batch is then in doubt.
    """
    outcomes: list[Receipt | DeliveryError] = []
    for item in items:
        try:
            outcomes.append(call(item))
        except DeliveryError as error:
            outcomes.append(error)
    return outcomes


def is_outdated(moment: datetime, stored: datetime | None, *, revision: int = 0, stored_revision: int = 0) -> bool:
    """Return whether the vendor has a newer value, so that ours must not overwrite it.

    Args:
        moment: of our value, such as `Response.answered_at` or `CaseOutcome.opened_at`.
        stored: the moment at the vendor; None if it has none.
        revision: of our value, which decides between equal moments.
        stored_revision: the revision at the vendor.

    Returns:
        False for equal values, so that a repetition writes again. Moments are compared in whole milliseconds, because
        vendors store no finer ones.
    """
    if stored is None:
        return False
    return (_whole_milliseconds(stored), stored_revision) > (_whole_milliseconds(moment), revision)


def pages(
    load: Callable[[CursorT | None], PageT],
    next_cursor: Callable[[PageT], CursorT | None],
    *,
    max_pages: int = MAX_PAGES,
) -> Iterator[PageT]:
    """Yield the pages of a list, from the first.

    Args:
        load: returns the page at a cursor; None asks for the first.
        next_cursor: returns the cursor of the next page from a page; None after the last.
        max_pages: pages that are read at most.

    Raises:
        RetryLater: there are more pages, or the vendor names the same cursor twice in a row: part of a list must not
            pass for the whole.
        DeliveryError: any that `load` raises.
    """
    cursor: CursorT | None = None
    for _ in range(max_pages):
        page = load(cursor)
        yield page
        following = next_cursor(page)
        if following is None:
            return
        if following == cursor:
            raise RetryLater("the vendor names the same page again as the next one")
        cursor = following
    raise RetryLater(f"the list has more than {max_pages} pages")


def _whole_milliseconds(moment: datetime) -> datetime:
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)
