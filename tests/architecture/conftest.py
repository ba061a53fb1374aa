"""The tree as the tests of this folder see it."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
IGNORED_FOLDERS = {".git", ".venv", "build", "dist", "site", "artifacts", "__pycache__", ".mypy_cache", ".ruff_cache"}


def _tracked_files() -> list[Path]:
    """Files under version control; outside of a clone, all that are not made by tools."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode == 0 and listed.stdout:
        found = [ROOT / name for name in listed.stdout.split("\0") if name]
    else:
        found = [path for path in ROOT.rglob("*") if not IGNORED_FOLDERS & set(path.relative_to(ROOT).parts)]
    return [path for path in found if path.is_file()]


@pytest.fixture(scope="session")
def root() -> Path:
    return ROOT


@pytest.fixture(scope="session")
def tracked() -> list[Path]:
    return _tracked_files()


@pytest.fixture(scope="session")
def product(tracked) -> list[Path]:
    """Python files that are shipped: the package and the plugins, without their tests."""
    places = (ROOT / "nps_connect", ROOT / "plugins")
    return [
        path
        for path in tracked
        if (path.suffix == ".py" and path.is_relative_to(places[0]))
        or (path.suffix == ".py" and path.is_relative_to(places[1]) and "tests" not in path.parts)
    ]
