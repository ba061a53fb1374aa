"""``nps-connect init``."""

from __future__ import annotations

import secrets
from pathlib import Path

import click

from nps_connect.cli._support.errors import CommandError
from nps_connect.cli._support.options import Options, command
from nps_connect.cli._support.output import print_json, print_table
from nps_connect.cli._support.private_files import open_private


@command
@click.option("--force", is_flag=True, help="Overwrite an existing configuration file; secrets are kept.")
def init(options: Options, force: bool, as_json: bool) -> None:
    """Create an initial configuration from the installed plugins' examples.

    Also writes nps-connect.env, readable by you only, with a new signing key and a placeholder for each secret that the
    plugins need. Existing values in it are kept.
    """
    from nps_connect.cli._support.config_template import SIGNING_KEY, build_config_template
    from nps_connect.plugins import Plugins
    from nps_connect.settings.config_files import read_environment_file
    from nps_connect.settings.load_settings import environment_path

    path = options.path
    if path.exists() and not force:
        raise CommandError(
            f"{path} already exists; choose another file with --config FILE, or overwrite it with --force"
        )
    secret_path = environment_path(path)
    plugins = Plugins.load()
    try:
        template = build_config_template(plugins.infos.values(), environment_file=secret_path.name)
    except ValueError as error:
        raise CommandError(f"{error}; see: nps-connect plugins list") from None
    variables = {SIGNING_KEY: secrets.token_urlsafe(32), **template.environment}
    existing = read_environment_file(secret_path)
    missing = {name: value for name, value in variables.items() if name not in existing}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _append_variables(secret_path, missing)
        path.write_text(template.text, encoding="utf-8")
    except OSError as error:
        raise CommandError(f"cannot write {error.filename}: {error.strerror}") from None
    placeholders = [name for name in missing if name != SIGNING_KEY]
    if as_json:
        print_json(
            {
                "config": str(path),
                "environment": str(secret_path),
                "connections": template.connections,
                "placeholders": placeholders,
            }
        )
        return
    print_table(["connection", "plugin"], template.connections.items(), empty="no connections")
    click.echo(f"Wrote {path} and {secret_path}.")
    for broken in plugins.broken.values():
        click.echo(f"warning: not included: {broken}", err=True)
    if placeholders:
        click.echo(f"Fill in the placeholders in {secret_path}: {', '.join(placeholders)}.")
    click.echo(f"Edit [core] in {path}, then run: nps-connect config check, nps-connect db create, nps-connect run")


def _append_variables(path: Path, variables: dict[str, str]) -> None:
    """Append variables to the environment file, which only its owner may read."""
    from nps_connect.settings.config_files import format_variable

    if not variables:
        return
    is_new = not path.exists()
    with open_private(path, "a") as stream:
        if is_new:
            stream.write("# Secrets of nps-connect. Keep this file out of version control.\n")
        stream.writelines(format_variable(name, value) for name, value in variables.items())
