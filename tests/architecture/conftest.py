"""Files of the repository for the tests of this folder."""

from __future__ import annotations

import ast
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
IGNORED_FOLDERS = {".git", ".venv", "build", "dist", "site", "artifacts", "__pycache__", ".mypy_cache", ".ruff_cache"}


def _tracked_files() -> list[Path]:
    """Return the files under version control; outside of a clone, all except those that tools generate."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode == 0 and listed.stdout:
        paths = [ROOT / name for name in listed.stdout.split("\0") if name]
    else:
        paths = [path for path in ROOT.rglob("*") if not IGNORED_FOLDERS & set(path.relative_to(ROOT).parts)]
    return [path for path in paths if path.is_file()]


@pytest.fixture(scope="session")
def root() -> Path:
    return ROOT


@pytest.fixture(scope="session")
def tracked() -> list[Path]:
    return _tracked_files()


@pytest.fixture(scope="session")
def product(tracked) -> list[Path]:
    """Python files of the package and the plugins, without tests."""
    package, plugins = ROOT / "nps_connect", ROOT / "plugins"
    return [
        path
        for path in tracked
        if (path.suffix == ".py" and path.is_relative_to(package))
        or (path.suffix == ".py" and path.is_relative_to(plugins) and "tests" not in path.parts)
    ]


@pytest.fixture(scope="session")
def trees(product) -> dict[Path, ast.Module]:
    """The parsed product files, by their path in the repository."""
    return {path.relative_to(ROOT): ast.parse(path.read_text(encoding="utf-8")) for path in product}
