"""Import checks: a plugin uses only the public API of nps_connect, and leaves HTTP and threads to client and worker."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

CLIENT_MODULES = {"aiohttp", "http.client", "requests", "socket", "tenacity", "urllib.request", "urllib3"}
WORKER_MODULES = {"asyncio", "concurrent.futures", "logging", "multiprocessing", "threading"}
EXCLUDED_PREFIXES = ("simulated", "tests")


def source_files(plugin: ModuleType) -> list[Path]:
    """Return the plugin's Python files, without its simulated vendor and tests."""
    module_file = Path(plugin.__file__ or "")
    if not hasattr(plugin, "__path__"):
        return [module_file]
    package = module_file.parent
    return [
        path
        for path in sorted(package.rglob("*.py"))
        if not any(part.startswith(EXCLUDED_PREFIXES) for part in path.relative_to(package).parts)
    ]


def import_problems(plugin: ModuleType, *, speaks_http: bool) -> list[str]:
    """Return imports that a plugin must not have, one sentence each.

    Args:
        plugin: a module or package with source files.
        speaks_http: whether it has a vendor client; then it needs no other network access, waiting or threads.
    """
    problems = []
    for path in source_files(plugin):
        for line, module in _imports(ast.parse(path.read_text(encoding="utf-8"), str(path))):
            place = f"{path.name}, line {line}"
            is_internal = module == plugin.__name__ or module.startswith(f"{plugin.__name__}.")
            if module.startswith("nps_connect.") and not is_internal:
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
