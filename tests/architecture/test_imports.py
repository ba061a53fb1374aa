"""Imports go one way, and plugins see the public surface only."""

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
    """In a process of its own: import-linter switches off every logger that exists."""
    checking = (
        "from importlinter.cli import lint_imports as check; raise SystemExit(check(no_cache=True, no_logo=True))"
    )
    told = subprocess.run([sys.executable, "-c", checking], cwd=root, capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stdout + told.stderr


def foreign_imports(tree, own):
    """Imports of nps_connect beyond its public surface, and of other plugins."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.startswith("nps_connect") and alias.name not in {"nps_connect", own}:
                    yield alias.name
        elif isinstance(node, ast.ImportFrom) and not node.level and (node.module or "").startswith("nps_connect"):
            if node.module == "nps_connect":
                yield from (alias.name for alias in node.names if alias.name not in nps_connect.__all__)
            elif node.module != own and not node.module.startswith(f"{own}."):
                yield node.module


@pytest.mark.parametrize(("place", "own"), PLACES.items())
def test_plugins_and_channels_import_public_names_only(place, own, product, root):
    files = [path for path in product if path.is_relative_to(root / place)]
    found = {
        str(path.relative_to(root)): names
        for path in files
        if (names := list(foreign_imports(ast.parse(path.read_text(encoding="utf-8")), own)))
    }
    assert files
    assert found == {}


@pytest.mark.parametrize("name", nps_connect.__all__)
def test_every_public_name_can_be_imported(name):
    assert getattr(nps_connect, name) is not None


def test_an_unknown_name_is_refused_by_name():
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        _ = nps_connect.Nothing
