"""``nps-connect config check``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nps_connect.cli._support.lazy_group import Command
from nps_connect.cli._support.options import CheckedConfig, Options, json_option, pass_options
from nps_connect.cli._support.output import print_fields, print_json, print_table

if TYPE_CHECKING:
    from nps_connect.errors import ConfigErrors


@click.command(cls=Command)
@json_option
@pass_options
def check(options: Options, as_json: bool) -> None:
    """Check the configuration and tell every mistake at once.

    Nothing is started and no vendor is called.
    """
    from nps_connect.errors import ConfigErrors

    try:
        checked = options.checked()
    except ConfigErrors as errors:
        if not as_json:
            raise
        print_json({"ok": False, "file": str(options.path), "mistakes": _mistakes(errors)})
        raise click.exceptions.Exit(2) from None
    summary = _summary(options.path, checked)
    if as_json:
        print_json(summary)
    else:
        _print(summary)


def _mistakes(errors: ConfigErrors) -> list[dict[str, str | None]]:
    names = ("where", "key", "problem", "allowed", "nearest", "fix", "shown")
    return [{name: getattr(error, name) for name in names} for error in errors.errors]


def _summary(path: Path, checked: CheckedConfig) -> dict[str, Any]:
    from nps_connect.cli._support.config_warnings import config_warnings

    settings = checked.settings
    return {
        "ok": True,
        "file": str(path),
        "mode": settings.core.mode,
        "connections": [
            {"name": name, "plugin": connection.plugin, "events": connection.events}
            for name, connection in checked.connections.items()
        ],
        "surveys": [{"name": name, "channel": survey.channel} for name, survey in settings.surveys.items()],
        "triggers": [
            {"name": trigger.label, "on": trigger.on, "from": trigger.source, "survey": trigger.survey}
            for trigger in settings.triggers
        ],
        "routes": [{"on": route.on, "do": route.do, "via": route.via} for route in settings.routes],
        "notes": config_warnings(checked, path),
    }


def _print(summary: dict[str, Any]) -> None:
    click.echo(f"{summary['file']}: ok")
    print_fields([("mode", summary["mode"]), ("surveys", ", ".join(survey["name"] for survey in summary["surveys"]))])
    print_table(
        ["connection", "plugin", "events"],
        [(entry["name"], entry["plugin"], entry["events"]) for entry in summary["connections"]],
        empty="no connections",
    )
    print_table(
        ["trigger", "on", "from", "survey"],
        [(entry["name"], entry["on"], entry["from"], entry["survey"]) for entry in summary["triggers"]],
        empty="no triggers",
    )
    print_table(
        ["route", "do", "via"],
        [(", ".join(entry["on"]), entry["do"], entry["via"]) for entry in summary["routes"]],
        empty="no routes",
    )
    for note in summary["notes"]:
        click.echo(f"note: {note}")
