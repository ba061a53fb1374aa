"""Checks of names that operators type, with the nearest match in the error."""

from __future__ import annotations

from collections.abc import Collection, Iterable

import click


def require_connection(name: str, names: Collection[str]) -> str:
    """Return the name if a connection has it.

    Raises:
        click.UsageError: there is no such connection; lists the allowed names and the nearest one.
    """
    return require_name(name, names, "connection")


def require_name(name: str, names: Collection[str], noun: str) -> str:
    """Return the name if it is one of the allowed names.

    Raises:
        click.UsageError: it is not; lists the allowed names and the nearest one.
    """
    if name in names:
        return name
    allowed = ", ".join(names) or "none"
    raise click.UsageError(f"there is no {noun} {name!r}; allowed: {allowed}{suggest_nearest(name, names)}")


def suggest_nearest(name: str, names: Iterable[str]) -> str:
    """Return ``; did you mean 'NAME'?`` for the nearest name, or an empty text if none is near."""
    from nps_connect.settings.key_paths import nearest

    near = nearest(name, names)
    return f"; did you mean {near!r}?" if near else ""
