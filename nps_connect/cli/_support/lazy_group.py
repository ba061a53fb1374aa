"""Command groups that import a subcommand only when it runs."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
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
    """A group that knows its subcommands by import path and imports one only to run it.

    Args:
        commands_at: by command name: ``package.module:attribute`` and the help line.
    """

    command_class = Command

    def __init__(self, *args: Any, commands_at: Mapping[str, tuple[str, str]], **kwargs: Any) -> None:  # noqa: ANN401
        super().__init__(*args, **kwargs)
        self._lazy_subcommands = commands_at

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the command names in table order."""
        return list(self._lazy_subcommands)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return one command, or None for an unknown name.

        Raises:
            TypeError: the import path does not lead to a command.
        """
        if cmd_name not in self._lazy_subcommands:
            return None
        module, _, attribute = self._lazy_subcommands[cmd_name][0].partition(":")
        command = getattr(import_module(module), attribute)
        if not isinstance(command, click.Command):
            raise TypeError(f"{module}:{attribute} is not a command")
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command for the arguments.

        Raises:
            click.UsageError: there is no such command; names the nearest one.
        """
        name = args[0]
        if name in self._lazy_subcommands or name.startswith("-"):
            return super().resolve_command(ctx, args)
        from difflib import get_close_matches

        near = get_close_matches(name, list(self._lazy_subcommands), n=1)
        raise click.UsageError(f"No such command {name!r}." + (f" Did you mean {near[0]!r}?" if near else ""), ctx=ctx)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write command names and help lines from the table, without imports."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in self._lazy_subcommands.items()])
