"""Only sending and checking import Apprise, which is expensive."""

import subprocess
import sys

CODE = """
import sys
from nps_connect.builtin import alerts
alerts.nps_connector().settings.model_validate({"plugin": "alerts", "urls": ["json://alerts.example.com"]})
print("apprise" in sys.modules)
"""


def test_declaring_and_configuring_the_channel_does_not_load_apprise():
    result = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True)

    assert result.stdout.strip() == "False"
