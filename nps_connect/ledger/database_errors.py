"""The errors with which a command ends whose database refuses."""

from __future__ import annotations

from sqlalchemy.exc import DBAPIError

from nps_connect.errors import ConfigError
from nps_connect.ledger.storage_health import StorageProblem, find_storage_problem

DATABASE_URL_KEY = "core.database_url"


def storage_error(problem: StorageProblem) -> ConfigError:
    """Return the error with which a command ends that meets a problem of the storage."""
    return ConfigError(problem.text, key=DATABASE_URL_KEY, fix=problem.fix)


def database_error(error: DBAPIError) -> ConfigError:
    """Return the error with which a command ends whose database refused."""
    problem = find_storage_problem(error)
    if problem is not None:
        return storage_error(problem)
    reason = str(error.orig).strip().splitlines()[0]
    return ConfigError(
        f"the database cannot be reached ({reason})",
        key=DATABASE_URL_KEY,
        fix="check that the server is running and the address is correct",
    )
