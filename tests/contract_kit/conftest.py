"""The good plugin, as if it were installed."""

import pytest


@pytest.fixture(autouse=True)
def acme_installed(tmp_path, monkeypatch):
    info = tmp_path / "acme_plugin-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-plugin\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[nps_connect]\nacme = contract_kit.acme\n")
    monkeypatch.syspath_prepend(str(tmp_path))
