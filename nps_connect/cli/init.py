"""``nps-connect init``."""

from __future__ import annotations

import os
import secrets
import shutil
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nps_connect.cli._support.errors import CommandError
from nps_connect.cli._support.options import Options, command
from nps_connect.cli._support.output import print_json, print_table
from nps_connect.cli._support.private_files import open_private

if TYPE_CHECKING:
    from nps_connect.cli._support.config_template import ConfigTemplate
    from nps_connect.cli._support.setup_questions import SetupAnswers
    from nps_connect.plugins import Plugins
    from nps_connect.records.connectors import ConnectorInfo

CORE_OPTIONS = ("company", "public_url", "languages", "timezone", "fallback_email", "privacy_notice_url")


@command
@click.option("--force", is_flag=True, help="Replace existing files; copies of them are kept, and so are secrets.")
@click.option(
    "--plugin", "plugin_names", multiple=True, metavar="NAME", help="Plugin to connect; repeatable. Default: all."
)
@click.option("--company", help="Company, as customers know it.")
@click.option("--public-url", metavar="URL", help="Public address of this installation.")
@click.option("--language", "languages", multiple=True, metavar="TAG", help="Language of customers; repeatable.")
@click.option("--timezone", metavar="ZONE", help="Time zone of the company, such as Europe/Paris.")
@click.option("--fallback-email", metavar="ADDRESS", help="Address of the people who call unhappy customers back.")
@click.option("--privacy-notice-url", metavar="URL", help="Address of the privacy notice.")
@click.option("--sandbox", "sandbox_url", metavar="URL", help="Use a running nps-connect sandbox; no delays of days.")
@click.option("--interactive/--no-interactive", default=None, help="Ask questions. Default: on a terminal.")
def init(
    options: Options,
    force: bool,
    plugin_names: tuple[str, ...],
    sandbox_url: str | None,
    interactive: bool | None,
    as_json: bool,
    **core: Any,  # noqa: ANN401  # the options of `CORE_OPTIONS`
) -> None:
    """Create an initial configuration for the installed plugins, or for those that --plugin names.

    On a terminal it asks for everything, tries each credential at once, and offers to create the database, to set the
    vendor accounts up and to send a test survey. Without a terminal it asks nothing: what no option gives keeps an
    example value.

    Secrets are written to nps-connect.env only, readable by you only, with a new signing key. Existing values in it are
    kept.
    """
    from nps_connect.cli._support.config_template import SIGNING_KEY
    from nps_connect.plugins import Plugins
    from nps_connect.settings.config_files import read_environment_file
    from nps_connect.settings.load_settings import environment_path

    path = options.path
    if path.exists() and not force:
        raise CommandError(
            f"{path} already exists; choose another file with --config FILE, or overwrite it with --force"
        )
    if interactive is None:
        interactive = sys.stdin.isatty() and sys.stdout.isatty() and not as_json and sandbox_url is None
    plugins = Plugins.load()
    secret_path = environment_path(path)
    existing = read_environment_file(secret_path)
    addresses = None if sandbox_url is None else _load_sandbox_addresses(sandbox_url)
    if addresses is not None and not plugin_names:
        plugin_names = tuple(
            name for name, info in plugins.infos.items() if info.channel or name in addresses["vendors"]
        )
    answers, template = _collect_answers(plugins, plugin_names, core, existing, secret_path, interactive=interactive)
    overrides = {**answers.secrets, **({} if addresses is None else _sandbox_variables(addresses, template))}
    defaults = {SIGNING_KEY: secrets.token_urlsafe(32), **template.environment}
    missing = {name: value for name, value in defaults.items() if name not in {**existing, **overrides}}
    copies = _write_files(path, template.text, secret_path, {**missing, **overrides}, force=force)
    placeholders = [name for name in missing if name != SIGNING_KEY]
    if as_json:
        names = {"config": str(path), "environment": str(secret_path), "copies": [*map(str, copies)]}
        print_json({**names, "connections": template.connections, "placeholders": placeholders})
        return
    _print_result(path, secret_path, copies, template, plugins, placeholders)
    if interactive:
        from nps_connect.cli._support.setup_offers import offer_next_steps

        offer_next_steps(options, answers.working)
    elif sandbox_url is None:
        click.echo(f"Edit [core] in {path}, then run: nps-connect config check, nps-connect db create, nps-connect run")
    else:
        click.echo(f"Next: {', '.join(_next_commands(template, plugins))}")


def _collect_answers(
    plugins: Plugins,
    plugin_names: tuple[str, ...],
    core: Mapping[str, Any],
    existing: Mapping[str, str],
    secret_path: Path,
    *,
    interactive: bool,
) -> tuple[SetupAnswers, ConfigTemplate]:
    """Return the answers, from options and questions, and the configuration that they lead to."""
    from nps_connect.cli._support.config_template import build_config_template
    from nps_connect.cli._support.names import require_name
    from nps_connect.cli._support.setup_questions import (
        SetupAnswers,
        ask_connections,
        ask_core,
        ask_plugins,
        validate_core_value,
    )
    from nps_connect.cli._support.setup_trial import open_trial

    names = [require_name(name, plugins.infos, "plugin") for name in plugin_names]
    answers = SetupAnswers(
        core={key: validate_core_value(key, core[key]) for key in CORE_OPTIONS if core[key] not in (None, ())}
    )
    if interactive and not names:
        names = ask_plugins(plugins.infos)
    infos: dict[str, ConnectorInfo] = {name: plugins.infos[name] for name in names or plugins.infos}

    def build() -> ConfigTemplate:
        try:
            return build_config_template(
                infos.values(), environment_file=secret_path.name, core=answers.core, answers=answers.connections
            )
        except ValueError as error:
            raise CommandError(f"{error}; see: nps-connect plugins list") from None

    if interactive:
        ask_core(answers)
        placeholders = {name: value for info in infos.values() for name, value in info.example.environment.items()}
        real_values = {name: value for name, value in existing.items() if placeholders.get(name) != value}
        environ = {**real_values, **os.environ}
        with open_trial(environ) as try_connection:
            ask_connections(answers, infos, build, environ, try_connection)
    return answers, build()


def _next_commands(template: ConfigTemplate, plugins: Plugins) -> list[str]:
    """Return the commands from the written configuration to a running product; scores need fields at the vendor."""
    import tomllib

    routes = tomllib.loads(template.text)["routes"]
    scored = {route["via"]: None for route in routes if route["do"] == "write_score"}
    lacking = [name for name in scored if plugins.has(template.connections[name], "nps_apply_setup")]
    setups = [f"nps-connect connections apply {name} --yes" for name in lacking]
    return ["nps-connect db create", *setups, "nps-connect run"]


def _load_sandbox_addresses(url: str) -> dict[str, Any]:
    """Return the addresses of a running sandbox, as `Sandbox.addresses` returns them.

    Raises:
        CommandError: no sandbox answers at this address.
    """
    import httpx

    addresses: object = None
    with suppress(httpx.HTTPError, httpx.InvalidURL, ValueError):
        addresses = httpx.get(f"{url.rstrip('/')}/_addresses", trust_env=False).raise_for_status().json()
    if not isinstance(addresses, dict) or not {"vendors", "product"} <= addresses.keys():
        raise CommandError(f"no sandbox answers at {url}; start one in another terminal with: nps-connect sandbox")
    return addresses


def _sandbox_variables(addresses: Mapping[str, Any], template: ConfigTemplate) -> dict[str, str]:
    """Return the variables that point the configuration at a sandbox, with delays of seconds."""
    import tomllib

    from nps_connect.sandbox.product_settings import short_delays

    variables = dict(addresses["product"]["environment"])
    for plugin in template.connections.values():
        variables |= addresses["vendors"].get(plugin, {}).get("environment", {})
    return {**variables, **short_delays(tomllib.loads(template.text))}


def _write_files(path: Path, text: str, secret_path: Path, variables: Mapping[str, str], *, force: bool) -> list[Path]:
    """Write the configuration and its environment file; returns the copies of replaced files.

    Raises:
        CommandError: a file cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        copies = [_keep_copy(file) for file in (path, secret_path) if force and file.is_file()]
        _set_variables(secret_path, variables)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise CommandError(f"cannot write {error.filename}: {error.strerror}") from None
    return copies


def _keep_copy(path: Path) -> Path:
    from nps_connect.connection import system_clock

    copy = path.with_name(f"{path.name}.before-init-{system_clock():%Y%m%d-%H%M%S}")
    shutil.copy2(path, copy)  # with the mode, so that secrets stay private
    return copy


def _set_variables(path: Path, variables: Mapping[str, str]) -> None:
    """Set variables in the environment file, which only its owner may read; other lines are kept."""
    from nps_connect.settings.config_files import format_variable, remove_variables

    if not variables:
        return
    old = path.read_text(encoding="utf-8") if path.exists() else "# Secrets of nps-connect. Keep this file private.\n"
    kept = remove_variables(old, variables)
    separator = "" if not kept or kept.endswith("\n") else "\n"
    with open_private(path) as stream:
        stream.write(kept + separator)
        stream.writelines(format_variable(name, value) for name, value in variables.items())


def _print_result(
    path: Path,
    secret_path: Path,
    copies: list[Path],
    template: ConfigTemplate,
    plugins: Plugins,
    placeholders: list[str],
) -> None:
    print_table(["connection", "plugin"], template.connections.items(), empty="no connections")
    click.echo(f"Wrote {path} and {secret_path}.")
    for copy in copies:
        click.echo(f"The old file is {copy}.")
    for broken in plugins.broken.values():
        click.echo(f"warning: not included: {broken}", err=True)
    if placeholders:
        click.echo(f"Fill in the placeholders in {secret_path}: {', '.join(placeholders)}.")
