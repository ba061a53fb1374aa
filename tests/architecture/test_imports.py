"""Import contracts hold, and plugins import public names only."""

from __future__ import annotations

import ast
import subprocess
import sys

import pytest

import nps_connect

PLACES = {
    "nps_connect/builtin": "nps_connect.builtin",
    "plugins/hubspot/nps_connect_hubspot": "nps_connect_hubspot",
    "plugins/zendesk/nps_connect_zendesk": "nps_connect_zendesk",
    "plugins/google_reviews/nps_connect_google_reviews": "nps_connect_google_reviews",
}


def test_the_import_contracts_hold(root):
    """Run in a separate process: import-linter disables all existing loggers."""
    command = "from importlinter.cli import lint_imports as check; raise SystemExit(check(no_cache=True, no_logo=True))"
    check = subprocess.run([sys.executable, "-c", command], cwd=root, capture_output=True, text=True, check=False)
    assert check.returncode == 0, check.stdout + check.stderr


def foreign_imports(tree, package):
    """Yield imports of non-public names of nps_connect and of other plugins."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.startswith("nps_connect") and alias.name not in {"nps_connect", package}:
                    yield alias.name
        elif isinstance(node, ast.ImportFrom) and not node.level and (node.module or "").startswith("nps_connect"):
            if node.module == "nps_connect":
                yield from (alias.name for alias in node.names if alias.name not in nps_connect.__all__)
            elif node.module != package and not node.module.startswith(f"{package}."):
                yield node.module


@pytest.mark.parametrize(("place", "package"), PLACES.items())
def test_plugins_import_public_names_only(place, package, product, root):
    files = [path for path in product if path.is_relative_to(root / place)]
    violations = {
        str(path.relative_to(root)): names
        for path in files
        if (names := list(foreign_imports(ast.parse(path.read_text(encoding="utf-8")), package)))
    }
    assert files
    assert violations == {}


@pytest.mark.parametrize("name", nps_connect.__all__)
def test_every_public_name_can_be_imported(name):
    assert getattr(nps_connect, name) is not None


def test_an_unknown_name_is_refused_by_name():
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        _ = nps_connect.Nothing
