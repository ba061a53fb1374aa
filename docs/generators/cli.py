"""Generator of the command line reference."""

from __future__ import annotations

from collections.abc import Iterator

import click

from nps_connect.cli import main

INTRODUCTION = """# Command line

Commands are a noun, then a verb. Results go to standard output, errors and prompts to standard error. With `--json`,
commands that print data print one JSON value. Exit codes: 0 success, 1 failure, 2 usage or configuration error, 130
interrupted."""
WIDTH = 100


def render_page() -> str:
    """Return the page as Markdown: the help text of each command."""
    return "\n\n".join([INTRODUCTION, *render_commands(main, build_context(main, "nps-connect", None))])


def build_context(command: click.Command, name: str, parent: click.Context | None) -> click.Context:
    """Return a context that formats help texts independently of the terminal width."""
    layout = command.context_settings | {"terminal_width": WIDTH, "max_content_width": WIDTH}
    return click.Context(command, info_name=name, parent=parent, **layout)


def render_commands(command: click.Command, context: click.Context) -> Iterator[str]:
    """Yield the help text of a command and of its subcommands."""
    depth = min(context.command_path.count(" ") + 2, 4)
    yield f"{'#' * depth} `{context.command_path}`\n\n```text\n{command.get_help(context).rstrip()}\n```"
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            subcommand = command.get_command(context, name)
            if subcommand is not None and not subcommand.hidden:
                yield from render_commands(subcommand, build_context(subcommand, name, context))
