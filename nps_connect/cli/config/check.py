"""``nps-connect config check``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nps_connect.cli._support.options import CheckedConfig, Options, command
from nps_connect.cli._support.output import print_fields, print_json, print_list

if TYPE_CHECKING:
    from nps_connect.errors import ConfigErrors

_LABELS = {"ok": "note", "warning": "warning", "error": "before going live"}
"""By severity. A valid configuration has errors only in shadow mode: what live mode refuses as a mistake."""


@command
def check(options: Options, as_json: bool) -> None:
    """Validate the configuration and report all mistakes.

    Starts nothing and calls no vendor. Exit code 2 if the configuration is invalid. Example values are mistakes in live
    mode; in shadow mode they are only listed.
    """
    from nps_connect.errors import ConfigErrors

    try:
        config = options.load_checked()
    except ConfigErrors as errors:
        if not as_json:
            raise
        print_json({"ok": False, "file": str(options.path), "mistakes": _mistakes_json(errors)})
        raise click.exceptions.Exit(2) from None
    summary = _summary_json(options.path, config)
    if as_json:
        print_json(summary)
    else:
        _print(summary)


def _mistakes_json(errors: ConfigErrors) -> list[dict[str, str | int | None]]:
    names = ("where", "line", "key", "problem", "allowed", "nearest", "fix", "shown")
    return [{name: getattr(error, name) for name in names} for error in errors.errors]


def _summary_json(path: Path, config: CheckedConfig) -> dict[str, Any]:
    from nps_connect.cli._support.config_findings import config_findings

    settings = config.settings
    return {
        "ok": True,
        "file": str(path),
        "mode": settings.core.mode,
        "connections": [
            {"name": name, "plugin": connection.plugin, "events": connection.events}
            for name, connection in config.connections.items()
        ],
        "surveys": [{"name": name, "channel": survey.channel} for name, survey in settings.surveys.items()],
        "triggers": [
            {"name": trigger.label, "on": trigger.on, "from": trigger.source, "survey": trigger.survey}
            for trigger in settings.all_triggers
        ],
        "routes": [{"on": route.on, "do": route.do, "via": route.via} for route in settings.routes],
        "findings": [finding.model_dump(mode="json") for finding in config_findings(config, path)],
    }


def _print(summary: dict[str, Any]) -> None:
    click.echo(f"{summary['file']}: ok")
    print_fields({"mode": summary["mode"], "surveys": ", ".join(survey["name"] for survey in summary["surveys"])})
    connection_columns = {"connection": "name", "plugin": "plugin", "events": "events"}
    print_list(summary["connections"], connection_columns, empty="no connections")
    trigger_columns = {"trigger": "name", "on": "on", "from": "from", "survey": "survey"}
    print_list(summary["triggers"], trigger_columns, empty="no triggers")
    route_columns = {"route": lambda route: ", ".join(route["on"]), "do": "do", "via": "via"}
    print_list(summary["routes"], route_columns, empty="no routes")
    for finding in summary["findings"]:
        click.echo(f"{_LABELS[finding['severity']]}: {finding['text']}; {finding['fix']}")
