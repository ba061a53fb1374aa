"""``nps-connect config diff``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from nps_connect.cli._support.options import Options, command
from nps_connect.cli._support.output import print_json

if TYPE_CHECKING:
    from nps_connect.rules.config_effects.compare import ComparedConfig


@command
@click.argument("old", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.argument("new", type=click.Path(path_type=Path, exists=True, dir_okay=False), required=False)
def diff(options: Options, old: Path, new: Path | None, as_json: bool) -> None:
    """Say in sentences what differs in effect between OLD and NEW; by default NEW is the current configuration.

    Responses of every score and events on both sides of every limit go through both versions. Comments, order and
    spelling print nothing. Both use the secrets and the folder of the current configuration. Exit code 0 if there is no
    difference, 1 if there is one, 2 if a file is invalid.
    """
    from nps_connect.app.actions import ACTIONS
    from nps_connect.connection import system_clock
    from nps_connect.rules.config_effects.compare import compare_configs

    current = options if new is None else options.of_version(new)
    before, after = _load(options.of_version(old)), _load(current)
    grace_periods = {name: spec.grace_period for name, spec in ACTIONS.items()}
    effects = compare_configs(before, after, grace_periods=grace_periods, now=system_clock())
    if as_json:
        rows = [{"area": effect.area, "text": effect.text} for effect in effects]
        print_json({"old": str(old), "new": str(current.path), "effects": rows})
    else:
        click.echo("\n".join(effect.text for effect in effects) or "no difference in effect")
    raise click.exceptions.Exit(1 if effects else 0)


def _load(options: Options) -> ComparedConfig:
    from nps_connect.app.vendor_fields import compile_filters
    from nps_connect.rules.config_effects.compare import ComparedConfig
    from nps_connect.settings.effective import ConcealedSecret, effective_tree

    config = options.load_checked()
    return ComparedConfig(
        config.settings,
        compile_filters(config.settings, config.plugins, config.connections),
        effective_tree(config.settings, config.connections, ConcealedSecret),
    )
