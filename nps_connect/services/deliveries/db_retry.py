"""Insisting: what came of a call must not be lost because the database is away for a moment."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TypeVar

from sqlalchemy.exc import DBAPIError

from nps_connect.connection import Sleep

log = logging.getLogger(__name__)

T = TypeVar("T")
RETRY_DELAYS_SECONDS = (0.1, 0.3, 1.0, 2.0, 5.0, 5.0, 5.0, 5.0)
"""Together less than a lease: afterwards somebody else may have taken over."""


def retry_write(write: Callable[[], T], sleep: Sleep) -> T:
    """Write, and write again while the database is restarted, cut off or full.

    Raises:
        DBAPIError: it still is after all waits; the deliveries are in_doubt then, and found by their lease.
    """
    for wait in RETRY_DELAYS_SECONDS:
        try:
            return write()
        except DBAPIError as error:
            log.warning("the outcome cannot be written yet: %s", type(error.orig).__name__)
            sleep(wait)
    return write()
