"""The plugin contract: a test class inherits all checks and sets three attributes.

Example::

    SETTINGS = {"token": "sentinel-token"}


    class TestAcme(ConnectorContract):
        plugin = nps_connect_acme
        settings = SETTINGS
        vendor = Simulated
"""

from __future__ import annotations

from nps_connect.testing.contract_base import ContractBase, assert_no_problems
from nps_connect.testing.effect_checks import EffectChecks
from nps_connect.testing.fault_checks import FaultChecks
from nps_connect.testing.intake_checks import IntakeChecks
from nps_connect.testing.quality import find_quality_file, quality_problems
from nps_connect.testing.shape_checks import SettingsChecks, ShapeChecks
from nps_connect.testing.thread_checks import ThreadChecks
from nps_connect.testing.webhook_checks import WebhookChecks


class QualityChecks(ContractBase):
    """The plugin's quality file."""

    def test_quality_file_matches_the_checks(self) -> None:
        """Every rule of `nps_connect.testing.quality` has a status that agrees with the generated checks."""
        path = self.quality or find_quality_file(self.plugin.__file__)
        assert path is not None, f"no quality.toml in or next to {self.plugin.__file__}"
        generated = {name for name in dir(self) if name.startswith("test_") and getattr(self, name) is not None}
        assert_no_problems(quality_problems(path, generated))


class ConnectorContract(
    ShapeChecks, SettingsChecks, FaultChecks, ThreadChecks, EffectChecks, WebhookChecks, IntakeChecks, QualityChecks
):
    """Every check that applies to the plugin; see `ContractBase` and `WebhookChecks` for the attributes."""
