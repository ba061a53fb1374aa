"""Snapshots of vendor accounts: read from the vendors, and kept in a file beside the configuration."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from pydantic import ValidationError

from nps_connect.errors import ConfigError
from nps_connect.records.snapshots import AccountSnapshot, SnapshotFile
from nps_connect.services.context import Context

SNAPSHOT_FIX = "take it anew: nps-connect connections snapshot"


def snapshot_path(config: Path) -> Path:
    """Return the path of the snapshot file: ``nps-connect.snapshot.json`` next to ``nps-connect.toml``."""
    return config.with_suffix(".snapshot.json")


def load_snapshots(path: Path) -> SnapshotFile | None:
    """Return the content of a snapshot file; None if there is none.

    Raises:
        ConfigError: the file cannot be read.
    """
    try:
        return SnapshotFile.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ConfigError(f"the snapshot file cannot be read: {error.strerror}", where=str(path)) from None
    except ValidationError:
        raise ConfigError("is not a snapshot of accounts", where=str(path), fix=SNAPSHOT_FIX) from None


def take_snapshot(ctx: Context, connection: str) -> AccountSnapshot:
    """Return a snapshot of the account of a connection.

    Raises:
        DeliveryError: the vendor refuses or cannot be reached.
        PluginError: the plugin takes no snapshots, or breaks its contract.
    """
    target = ctx.connections[connection]
    snapshot: AccountSnapshot = ctx.plugins.call(target.settings.plugin, "nps_snapshot", connection=target)
    return snapshot


def merge_snapshots(
    ctx: Context, earlier: SnapshotFile | None, snapshots: dict[str, AccountSnapshot], connections: Iterable[str]
) -> SnapshotFile:
    """Return the file with new snapshots; those of other connections that still exist are kept."""
    connection_names = set(connections)
    every = {**(earlier.connections if earlier else {}), **snapshots}
    merged = {name: snapshot for name, snapshot in sorted(every.items()) if name in connection_names}
    return SnapshotFile(taken_at=ctx.clock(), connections=merged)
