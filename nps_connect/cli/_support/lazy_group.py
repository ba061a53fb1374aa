"""Command groups that import a subcommand only when it runs."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from keyword import iskeyword
from pathlib import Path
from typing import Any

import click

from nps_connect.cli._support.options import Options


class Command(click.Command):
    """A command that accepts ``--config`` after its name as well as before it."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401  # click's own arguments
        super().__init__(*args, **kwargs)
        self.params.append(
            click.Option(
                ["--config"],
                type=click.Path(path_type=Path),
                metavar="FILE",
                expose_value=False,
                callback=_set_config,
                help="Configuration file (same as before the command).",
            )
        )


def _set_config(context: click.Context, _parameter: click.Parameter, value: Path | None) -> None:
    if value is not None:
        context.ensure_object(Options).config = value


class LazyGroup(click.Group):
    """A group that imports a subcommand only to run it: command NAME is function NAME in module PACKAGE.NAME.

    An underscore is appended to the module and function of a keyword (``import``) and to the function of a builtin
    (``list``).

    Args:
        package: the package that contains the modules of the subcommands.
        commands: help line by command name.
    """

    command_class = Command

    def __init__(self, *args: Any, package: str, commands: Mapping[str, str], **kwargs: Any) -> None:  # noqa: ANN401
        super().__init__(*args, **kwargs)
        self._package, self._help_lines = package, commands

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the command names in table order."""
        return list(self._help_lines)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return one command, or None for an unknown name."""
        if cmd_name not in self._help_lines:
            return None
        module = import_module(f"{self._package}.{cmd_name}{'_' if iskeyword(cmd_name) else ''}")
        command: click.Command = getattr(module, cmd_name, None) or getattr(module, f"{cmd_name}_")
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command for the arguments.

        Raises:
            click.UsageError: there is no such command; names the nearest one.
        """
        name = args[0]
        if name in self._help_lines or name.startswith("-"):
            return super().resolve_command(ctx, args)
        from difflib import get_close_matches

        near = get_close_matches(name, list(self._help_lines), n=1)
        raise click.UsageError(f"No such command {name!r}." + (f" Did you mean {near[0]!r}?" if near else ""), ctx=ctx)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write command names and help lines from the table, without imports."""
        with formatter.section("Commands"):
            formatter.write_dl(list(self._help_lines.items()))


def build_group(package: str, help_text: str, commands: Mapping[str, str]) -> LazyGroup:
    """Return the group of a package, named after the package's last part.

    Args:
        package: ``__name__`` of the package.
        help_text: the help text of the group.
        commands: help line by command name.
    """
    return LazyGroup(package.rpartition(".")[2], help=help_text, package=package, commands=commands)
