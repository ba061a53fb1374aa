"""What a plugin imports: only the public surface of nps_connect, and nothing that the client or the worker does."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

CLIENT_MODULES = {"aiohttp", "http.client", "requests", "socket", "tenacity", "urllib.request", "urllib3"}
WORKER_MODULES = {"asyncio", "concurrent.futures", "logging", "multiprocessing", "threading"}
EXCLUDED_PREFIXES = ("simulated", "tests")


def source_files(plugin: ModuleType) -> list[Path]:
    """The plugin's own Python files, without its simulated vendor and its tests."""
    start = Path(plugin.__file__ or "")
    if not hasattr(plugin, "__path__"):
        return [start]
    found = (path for path in sorted(start.parent.rglob("*.py")))
    return [
        path
        for path in found
        if not any(part.startswith(EXCLUDED_PREFIXES) for part in path.relative_to(start.parent).parts)
    ]


def import_problems(plugin: ModuleType, *, speaks_http: bool) -> list[str]:
    """Imports that a plugin should not need, one sentence each.

    Args:
        plugin: a module or package with source files.
        speaks_http: it has a vendor client, so other ways to the network, waiting and threads are not its business.
    """
    problems = []
    for path in source_files(plugin):
        for line, module in _imports(ast.parse(path.read_text(encoding="utf-8"), str(path))):
            place = f"{path.name}, line {line}"
            own = module == plugin.__name__ or module.startswith(f"{plugin.__name__}.")
            if module.startswith("nps_connect.") and not own:
                problems.append(f"{place}: imports {module}; plugins use only names of nps_connect itself")
            elif speaks_http and module in CLIENT_MODULES:
                problems.append(f"{place}: imports {module}; calls go through connection.http")
            elif speaks_http and (module in WORKER_MODULES or module == "time.sleep"):
                problems.append(f"{place}: imports {module}; threads, waiting and logging belong to the worker")
    return problems


def _imports(tree: ast.AST) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for name in node.names:
                yield node.lineno, name.name
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.lineno, node.module
            if node.module == "time":
                yield from ((node.lineno, f"time.{name.name}") for name in node.names)
        elif isinstance(node, ast.Attribute) and ast.unparse(node) == "time.sleep":
            yield node.lineno, "time.sleep"
