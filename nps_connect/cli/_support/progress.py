"""Progress bars on standard error for long operations."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def progress_bar(description: str, *, hidden: bool) -> Iterator[Callable[[int, int | None], None]]:
    """Show a progress bar and yield the function that updates it: ``update(completed, total)``.

    A total of None is unknown.

    Args:
        description: the label of the bar.
        hidden: show nothing, as for ``--json``.
    """
    from rich.progress import MofNCompleteColumn, Progress

    from nps_connect.cli._support.output import console

    columns = (*Progress.get_default_columns(), MofNCompleteColumn())
    errors = console(stderr=True)
    disabled = hidden or not errors.is_terminal  # there a finished bar leaves an empty line
    with Progress(*columns, console=errors, disable=disabled, transient=True) as bar:
        task = bar.add_task(description, total=None)
        yield lambda completed, total: bar.update(task, completed=completed, total=total)
