"""``nps-connect connections snapshot``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from nps_connect.cli._support.errors import CommandError
from nps_connect.cli._support.names import require_connection
from nps_connect.cli._support.options import Options, command
from nps_connect.cli._support.output import pluralize, print_json
from nps_connect.errors import DeliveryError

if TYPE_CHECKING:
    from nps_connect.records.snapshots import AccountSnapshot


@command
@click.argument("name", required=False)
def snapshot(options: Options, name: str | None, as_json: bool) -> None:
    """Save what the vendor accounts have: fields with their values, stages, groups, permissions.

    Reads all connections, or only NAME, and writes nps-connect.snapshot.json next to the configuration. `doctor prove`
    compares the configuration with it. It holds names only, no secrets and no data about people, so that it can be kept
    with the configuration. Take it anew when somebody changes an account. Exit code 1 if an account cannot be read.
    """
    from nps_connect.services.operations.account_snapshots import (
        load_snapshots,
        merge_snapshots,
        snapshot_path,
        take_snapshot,
    )

    path = snapshot_path(options.path)
    earlier = load_snapshots(path)
    snapshots: dict[str, AccountSnapshot] = {}
    failed: dict[str, str] = {}
    with options.open_application() as application:
        ctx = application.ctx
        names = [require_connection(name, ctx.connections)] if name else list(ctx.connections)
        able = [connection for connection in names if ctx.has(connection, "nps_snapshot")]
        if name and not able:
            raise CommandError(f"the plugin of {name} takes no snapshots")
        for connection in able:
            try:
                snapshots[connection] = take_snapshot(ctx, connection)
            except DeliveryError as error:
                failed[connection] = ctx.redact(error.message)
        content = merge_snapshots(ctx, earlier, snapshots, ctx.connections)
    if snapshots:
        try:
            path.write_text(content.model_dump_json(indent=1) + "\n", encoding="utf-8")
        except OSError as error:
            raise CommandError(f"cannot write {path}: {error.strerror}") from None
    if as_json:
        counts = {connection: _counts(account) for connection, account in snapshots.items()}
        print_json({"file": str(path) if snapshots else None, "connections": counts, "failed": failed})
    else:
        _print(snapshots, failed)
        if snapshots:
            click.echo(f"Written to {path}. Next: nps-connect doctor prove")
        elif not failed:
            click.echo("No connection's plugin takes snapshots.")
    if failed:
        raise click.exceptions.Exit(1)


def _counts(account: AccountSnapshot) -> dict[str, int | None]:
    return {
        "fields": sum(map(len, account.fields.values())),
        "scopes": None if account.scopes is None else len(account.scopes),
        "objects": sum(map(len, account.objects.values())),
    }


def _print(snapshots: dict[str, AccountSnapshot], failed: dict[str, str]) -> None:
    for connection, account in snapshots.items():
        counts = _counts(account)
        parts = [pluralize(counts["fields"] or 0, "field", "fields")]
        parts += [pluralize(counts["scopes"], "scope", "scopes")] if counts["scopes"] is not None else []
        parts.append(pluralize(counts["objects"] or 0, "other name", "other names"))
        click.echo(f"{connection}: {', '.join(parts)}")
    for connection, problem in failed.items():
        click.echo(f"{connection}: not read: {problem}", err=True)
