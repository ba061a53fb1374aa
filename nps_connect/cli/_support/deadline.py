"""A deadline for what may wait without end, such as a database that does not answer."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

from sqlalchemy.exc import DBAPIError

from nps_connect.errors import ConfigError
from nps_connect.ledger.database_errors import DATABASE_URL_KEY, database_error

T = TypeVar("T")


def ask_database(url: str, seconds: float, function: Callable[[], T]) -> T:
    """Call a function that uses the database and return its result.

    Only a server is given the deadline. A file waits for nothing but its lock, which has a timeout of its own, and on a
    busy machine the work itself may take longer than the deadline.

    Args:
        url: the address of the database.
        seconds: how long a server may take.
        function: opens the database; what it needs has been imported.

    Raises:
        ConfigError: the database refuses, or the server does not answer in time.
    """
    try:
        return function() if url.startswith("sqlite") else _call_within(seconds, function)
    except DBAPIError as error:
        raise database_error(error) from None
    except TimeoutError:
        problem = f"the database did not answer within {seconds:g} s"
        raise ConfigError(problem, key=DATABASE_URL_KEY, fix="check that its server is running and reachable") from None


def _call_within(seconds: float, function: Callable[[], T]) -> T:
    """Call a function in a thread and return its result.

    Raises:
        TimeoutError: it did not return in time; its thread ends with the process at the latest.
    """
    results: list[T] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            results.append(function())
        except BaseException as error:  # noqa: BLE001  # raised again by the caller's thread
            errors.append(error)

    thread = threading.Thread(target=run, name="deadline", daemon=True)
    thread.start()
    thread.join(seconds)
    if errors:
        raise errors[0]
    if not results:
        raise TimeoutError(f"no result within {seconds:g} s")
    return results[0]
