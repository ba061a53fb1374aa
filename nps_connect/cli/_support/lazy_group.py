"""Command groups that import a subcommand only when it runs."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from keyword import iskeyword
from types import ModuleType
from typing import Any

import click


class LazyGroup(click.Group):
    """A group that imports a subcommand only to run it: command NAME is function NAME in module PACKAGE.NAME.

    A dash of the command is an underscore of the module. An underscore is appended to the module and function of a
    keyword (``import``) and to the function of a builtin (``list``). A package with the table `COMMANDS` is a group;
    its docstring is the help text. If it also has a command of its name, the group runs that one when no subcommand is
    given.

    Args:
        package: the package that contains the modules of the subcommands.
        commands: help line by command name.
    """

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
        module_name = cmd_name.replace("-", "_") + ("_" if iskeyword(cmd_name) else "")
        module = import_module(f"{self._package}.{module_name}")
        if hasattr(module, "COMMANDS"):
            return _build_group(cmd_name, module)
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


def _build_group(name: str, module: ModuleType) -> LazyGroup:
    commands: Mapping[str, str] = module.COMMANDS
    default_command: click.Command | None = getattr(module, name, None)
    if default_command is None:
        return LazyGroup(name, help=module.__doc__, package=module.__name__, commands=commands)

    def run(**values: Any) -> None:  # noqa: ANN401  # whatever the options of the command are
        context = click.get_current_context()
        if context.invoked_subcommand is None and default_command.callback is not None:
            default_command.callback(**values)

    return LazyGroup(
        name,
        help=default_command.help,
        params=default_command.params,
        callback=run,
        invoke_without_command=True,
        package=module.__name__,
        commands=commands,
    )
