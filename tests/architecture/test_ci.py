"""CI fails when browser or database tests are skipped."""

from __future__ import annotations

import subprocess
import sys

import pytest

SKIPPED = """
import pytest

@pytest.mark.{marker}
def test_something():
    pytest.skip("nothing here")
"""


@pytest.fixture
def run_skipped_test(root, tmp_path, monkeypatch):
    def run(marker, ci):
        (tmp_path / "conftest.py").write_text((root / "conftest.py").read_text(encoding="utf-8"), encoding="utf-8")
        (tmp_path / "test_it.py").write_text(SKIPPED.format(marker=marker), encoding="utf-8")
        options = ["-q", "-p", "no:cacheprovider", "-p", "no:nps_connect", "-W", "ignore", "--rootdir", str(tmp_path)]
        monkeypatch.setenv("CI", ci)
        return subprocess.run(
            [sys.executable, "-m", "pytest", *options, str(tmp_path)], capture_output=True, text=True, check=False
        )

    return run


@pytest.mark.parametrize("marker", ["browser", "postgres"])
def test_a_skipped_browser_or_database_test_fails_in_ci(run_skipped_test, marker):
    outcome = run_skipped_test(marker, ci="true")
    assert outcome.returncode == 1
    assert "which CI does not allow" in outcome.stdout


def test_outside_ci_it_is_skipped(run_skipped_test):
    assert run_skipped_test("browser", ci="").returncode == 0


def test_other_tests_may_be_skipped_in_ci(run_skipped_test):
    assert run_skipped_test("slow", ci="true").returncode == 0
