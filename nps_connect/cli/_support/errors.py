"""Mapping from exceptions to exit codes: 0 success, 1 failure, 2 usage or configuration error."""

from __future__ import annotations

import errno
import sys
from typing import IO, Any

import click

from nps_connect.cli._support.clean_streams import clean_streams
from nps_connect.cli._support.lazy_group import LazyGroup
from nps_connect.cli._support.options import Options
from nps_connect.errors import ConfigError, NpsConnectError


class CommandError(click.ClickException):
    """A failure reported in one sentence on standard error; exit code 1."""

    def show(self, file: IO[Any] | None = None) -> None:
        """Print the message."""
        click.echo(f"Error: {self.format_message()}", file=file or sys.stderr)


class ConfigurationInvalid(CommandError):
    """The configuration is invalid; exit code 2."""

    exit_code = 2


class RootGroup(LazyGroup):
    """The top-level group, which converts exceptions to messages and exit codes."""

    def main(self, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401  # click's own arguments
        """Run the command line; nothing that it prints can control the terminal."""
        with clean_streams():
            return super().main(*args, **kwargs)

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401  # whatever the command returns
        """Run the command; show tracebacks only with ``--debug``.

        Raises:
            CommandError: the command raised anything other than a click exception.
        """
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except Exception as error:
            if isinstance(error, OSError) and error.errno == errno.EPIPE:
                raise
            if ctx.params.get("debug"):
                _print_traceback()
            raise _to_command_error(error, ctx) from error


def _to_command_error(error: Exception, context: click.Context) -> CommandError:
    if isinstance(error, ConfigError):
        if isinstance(context.obj, Options) and error.where is None and error.key is not None:
            if context.obj.origins is None:
                error.where = str(context.obj.path)
            else:
                context.obj.origins.locate(error)
        return ConfigurationInvalid(_format_mistakes(error.sentence()))
    if isinstance(error, NpsConnectError):
        return CommandError(str(error))
    from nps_connect.ledger.ledger import storage_error
    from nps_connect.ledger.storage_health import find_storage_problem

    problem = find_storage_problem(error)
    if problem is not None:
        return _to_command_error(storage_error(problem), context)
    from nps_connect.redaction import Redactor

    lines = Redactor([])(str(error)).splitlines()
    summary = f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__
    return CommandError(f"unexpected error: {summary} (re-run with --debug for details)")


def _format_mistakes(text: str) -> str:
    lines = text.splitlines()
    mistakes = [line for line in lines if not line.startswith("  ")]  # indented lines quote the file
    if len(mistakes) == 1:
        return text
    return "\n".join([f"{len(mistakes)} mistakes in the configuration", *(f"  {line}" for line in lines)])


def _print_traceback() -> None:
    import traceback

    traceback.print_exc()
