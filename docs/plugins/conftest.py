"""Makes the example connectors look installed, without installing them."""

import pytest


@pytest.fixture(autouse=True)
def deskly_installed(tmp_path, monkeypatch):
    """Add a distribution with the entry point of Deskly for the time of a test."""
    folder = tmp_path / "nps_connect_deskly-1.0.0.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: nps-connect-deskly\nVersion: 1.0.0\n")
    (folder / "entry_points.txt").write_text("[nps_connect]\ndeskly = nps_connect_deskly\n")
    monkeypatch.syspath_prepend(str(tmp_path))
