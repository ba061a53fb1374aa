"""The documentation matches the code, and its site builds."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib

import pytest

from nps_connect.rules.filters import compile_filter


def test_the_generated_reference_pages_are_up_to_date(root):
    check = subprocess.run(
        [sys.executable, "docs/generate.py", "--check"], cwd=root, capture_output=True, text=True, check=False
    )
    assert check.returncode == 0, check.stderr


def test_the_site_builds_without_a_warning(root, tmp_path):
    built = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(tmp_path / "site")],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
    )
    assert built.returncode == 0, built.stderr + built.stdout
    assert (tmp_path / "site" / "reference" / "hooks.html").is_file()


def test_every_architecture_decision_is_listed(root):
    listed = (root / "docs" / "adr" / "index.md").read_text(encoding="utf-8")
    records = sorted((root / "docs" / "adr").glob("[0-9]*.md"))
    assert records
    for number, record in enumerate(records, start=1):
        assert record.name.startswith(f"{number:04d}-")
        assert f"({record.name})" in listed
        text = record.read_text(encoding="utf-8")
        assert text.startswith(f"# {number}. ")
        assert all(f"**{part}" in text for part in ("Choice.", "Reasons.", "What would reverse it."))


def test_every_path_on_the_architecture_page_exists(root):
    page = (root / "docs" / "architecture.md").read_text(encoding="utf-8")
    paths = re.findall(r"`((?:nps_connect|plugins)/[\w./]*)`", page)
    assert len(paths) > 30
    assert [path for path in paths if not (root / path).exists()] == []


EXAMPLES = [
    "amount >= 100",
    'stage == "won"',
    'stage in ["won", "closed"]',
    '"premium" in tags',
    "not vip",
    'closed_at > d"2026-01-31T09:00:00Z"',
    "amount != null",
]


@pytest.mark.parametrize("example", EXAMPLES)
def test_every_kind_of_filter_that_the_page_shows_is_one(example, root):
    assert f"`{example}`" in (root / "docs" / "filters.md").read_text(encoding="utf-8")
    assert compile_filter(example, {}, open_fields=True).names


def test_the_trigger_on_the_filters_page_is_one(root):
    page = (root / "docs" / "filters.md").read_text(encoding="utf-8")
    [trigger] = tomllib.loads(re.search(r"```toml\n(.*?)```", page, re.DOTALL)[1])["triggers"]
    assert compile_filter(trigger["where"], {}, open_fields=True).names == {"amount", "stage"}
