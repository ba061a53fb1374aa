"""Progress bars on standard error for long operations."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def progress_bar(description: str, *, hidden: bool) -> Iterator[Callable[[int, int], None]]:
    """Show a progress bar and yield the function that updates it: ``update(completed, total)``.

    Args:
        description: the label of the bar.
        hidden: show nothing, as for ``--json``.
    """
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), disable=hidden, transient=True) as bar:
        task = bar.add_task(description, total=None)
        yield lambda completed, total: bar.update(task, completed=completed, total=total)
