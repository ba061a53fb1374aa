"""Mapping from exceptions to exit codes: 0 success, 1 failure, 2 usage or configuration error."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import IO, Any, NoReturn

import click

from nps_connect.cli._support.clean_streams import OutputError, clean_streams
from nps_connect.cli._support.lazy_group import LazyGroup
from nps_connect.cli._support.options import Options
from nps_connect.errors import ConfigError, ConfigErrors, NpsConnectError
from nps_connect.worker.gc_tuning import reduced_gc_of_command

INTERRUPTED_EXIT_CODE = 130


class CommandError(click.ClickException):
    """A failure reported in one sentence on standard error; exit code 1.

    Attributes:
        code: what kind of failure it is, for ``--json``.
        fix: the next step, if the sentence names one that can be told apart.
    """

    code = "failure"

    def __init__(self, message: str, *, fix: str | None = None) -> None:
        super().__init__(message)
        self.fix = fix

    def show(self, file: IO[Any] | None = None) -> None:
        """Print the message."""
        click.echo(f"Error: {self.format_message()}", file=file or sys.stderr)


class ConfigurationInvalid(CommandError):
    """The configuration is invalid; exit code 2."""

    code, exit_code = "configuration", 2


class UnexpectedError(CommandError):
    """A bug, or an error of the system that no code expects."""

    code = "unexpected"


class RootGroup(LazyGroup):
    """The top-level group, which converts exceptions to messages and exit codes."""

    def main(self, args: Sequence[str] | None = None, **kwargs: Any) -> NoReturn:  # type: ignore[override]  # noqa: ANN401
        """Run the command line and exit; nothing that it prints can control the terminal."""
        arguments = list(sys.argv[1:] if args is None else args)
        with clean_streams(), reduced_gc_of_command():
            try:
                result = super().main(arguments, **kwargs | {"standalone_mode": False})
                sys.stdout.flush()
                exit_code = result if isinstance(result, int) else 0
            except (click.ClickException, click.Abort, OSError) as error:
                exit_code = _report(error, as_json="--json" in arguments)
        sys.exit(exit_code)

    def invoke(self, ctx: click.Context) -> None:
        """Run the command; show tracebacks only with ``--debug``.

        Raises:
            CommandError: the command raised anything other than a click exception.
            OSError: its output cannot be written.
        """
        try:
            super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, click.Abort, OutputError, BrokenPipeError):
            raise
        except Exception as error:
            if ctx.params.get("debug"):
                _print_traceback()
            raise _to_command_error(error, ctx) from error


def _report(error: Exception, *, as_json: bool) -> int:
    """Print an error on standard error, with `as_json` as one JSON object; return the exit code."""
    exit_code = getattr(error, "exit_code", 1)
    code, fix = getattr(error, "code", "failure"), getattr(error, "fix", None)
    if isinstance(error, BrokenPipeError):
        return 1  # the reader, such as head, has what it wants
    if isinstance(error, click.ClickException):
        message = error.format_message()
        code = "usage" if isinstance(error, click.UsageError) else code
    elif isinstance(error, click.Abort):
        is_interrupt = isinstance(error.__cause__ or error.__context__, KeyboardInterrupt)
        exit_code = INTERRUPTED_EXIT_CODE if is_interrupt else 1
        code, message = ("interrupted", "interrupted") if is_interrupt else ("aborted", "aborted")
    else:
        message = f"cannot write the output: {getattr(error, 'strerror', None) or error}"
    with suppress(OSError):
        if as_json:
            from nps_connect.rendering.exports import dump_json

            details = {"code": code, "message": message} | ({"fix": fix} if fix else {})
            click.echo(dump_json({"error": details}), err=True)
        elif isinstance(error, click.ClickException):
            error.show()
        else:
            click.echo(f"Error: {message}", err=True)
    return int(exit_code)


def _to_command_error(error: Exception, context: click.Context) -> CommandError:
    if isinstance(error, ConfigError):
        if isinstance(context.obj, Options) and error.where is None and error.key is not None:
            if context.obj.origins is None:
                error.where = str(context.obj.path)
            else:
                context.obj.origins.locate(error)
        return ConfigurationInvalid(_format_mistakes(error.sentence()), fix=_next_step(error))
    if isinstance(error, NpsConnectError):
        return CommandError(str(error))
    from sqlalchemy.exc import DBAPIError

    from nps_connect.ledger.database_errors import database_error, storage_error
    from nps_connect.ledger.storage_health import find_storage_problem

    problem = find_storage_problem(error)
    if problem is not None:
        return _to_command_error(storage_error(problem), context)
    if isinstance(error, DBAPIError) and error.connection_invalidated:
        return _to_command_error(database_error(error), context)
    from nps_connect.redaction import Redactor

    lines = Redactor([])(str(error)).splitlines()
    summary = f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__
    return UnexpectedError(f"unexpected error: {summary} (re-run with --debug for details)")


def _next_step(error: ConfigError) -> str | None:
    """Return the next step of a configuration error, if there is only one mistake."""
    if isinstance(error, ConfigErrors):
        return error.errors[0].fix if len(error.errors) == 1 else None
    return error.fix


def _format_mistakes(text: str) -> str:
    lines = text.splitlines()
    mistakes = [line for line in lines if not line.startswith("  ")]  # indented lines quote the file
    if len(mistakes) == 1:
        return text
    return "\n".join([f"{len(mistakes)} mistakes in the configuration", *(f"  {line}" for line in lines)])


def _print_traceback() -> None:
    import traceback

    traceback.print_exc()
