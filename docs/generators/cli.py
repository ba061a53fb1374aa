"""The page of the command line."""

from __future__ import annotations

from collections.abc import Iterator

import click

from nps_connect.cli import main

INTRODUCTION = """# Command line

Nouns, then verbs. Results go to standard output, errors to standard error; `--json` prints one JSON value on every
command that prints data. Exit codes: 0 ok, 1 failed, 2 usage or configuration."""
WIDTH = 100


def render_page() -> str:
    """The page as Markdown: the help of every command."""
    return "\n\n".join([INTRODUCTION, *render_commands(main, build_context(main, "nps-connect", None))])


def build_context(command: click.Command, name: str, parent: click.Context | None) -> click.Context:
    """A context that lays out help the same way on every terminal."""
    layout = command.context_settings | {"terminal_width": WIDTH, "max_content_width": WIDTH}
    return click.Context(command, info_name=name, parent=parent, **layout)


def render_commands(command: click.Command, context: click.Context) -> Iterator[str]:
    """The help of a command and of all below it."""
    depth = min(context.command_path.count(" ") + 2, 4)
    yield f"{'#' * depth} `{context.command_path}`\n\n```text\n{command.get_help(context).rstrip()}\n```"
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            found = command.get_command(context, name)
            if found is not None and not found.hidden:
                yield from render_commands(found, build_context(found, name, context))
