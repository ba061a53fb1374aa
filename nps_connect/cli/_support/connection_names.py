"""Names of connections as operators write them."""

from __future__ import annotations

from collections.abc import Collection

import click


def require_connection(name: str, names: Collection[str]) -> str:
    """The name, if there is such a connection.

    Raises:
        click.UsageError: there is none; with the nearest one.
    """
    if name in names:
        return name
    from nps_connect.settings.key_paths import nearest

    near = nearest(name, list(names))
    raise click.UsageError(
        f"there is no connection {name!r}; allowed: {', '.join(names) or 'none'}"
        + (f"; did you mean {near!r}?" if near else "")
    )
