"""``nps-connect config show``."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import click

from nps_connect.cli._support.options import Options, command
from nps_connect.cli._support.output import print_json

if TYPE_CHECKING:
    from nps_connect.settings.effective import EffectiveValue


@command
def show(options: Options, as_json: bool) -> None:
    """Print every value that is in force, as TOML, and where it comes from.

    The comment after each value names the line of the file, the environment variable, the secret file, or "default".
    The content of secrets is hidden.
    """
    from nps_connect.settings.effective import list_effective_values

    config = options.load_checked()
    values = list_effective_values(config.settings, config.connections)
    if as_json:
        rows = [{"key": value.key, "value": value.value, "source": value.source} for value in values]
        print_json({"file": str(options.path), "values": rows})
        return
    click.echo(f"# {options.path}")
    click.echo("\n".join(_toml_lines(values)))


def _toml_lines(values: Iterable[EffectiveValue]) -> Iterable[str]:
    """Yield the lines of a TOML file with these values; TOML cannot express None, which becomes a comment."""
    from nps_connect.settings.key_paths import format_key

    table = None
    for value in values:
        *heading, last = value.key_path
        if heading and heading != table:
            table = heading
            name = ".".join(format_key(part) for part in heading if isinstance(part, str))
            yield ""
            yield f"[[{name}]]" if isinstance(heading[-1], int) else f"[{name}]"
        key = format_key(str(last))
        if value.value is None:
            yield f"# {key} is not set"
        else:
            yield f"{key} = {_to_toml(value.value)}  # {value.source}"


def _to_toml(value: Any) -> str:  # noqa: ANN401  # JSON data
    if isinstance(value, list):
        return f"[{', '.join(map(_to_toml, value))}]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(key)} = {_to_toml(item)}" for key, item in value.items()) + "}"
    return json.dumps(value, ensure_ascii=False)
