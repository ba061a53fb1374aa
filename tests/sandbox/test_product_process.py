from __future__ import annotations

import stat

import pytest

from nps_connect.sandbox.product_process import DemoFailed, ProductProcess
from nps_connect.settings.config_files import read_environment_file


def test_secrets_lie_beside_the_configuration_for_its_owner_only(tmp_path):
    variables = {"TOKEN": "it's a \\ secret $HOME", "SMTP_URL": "smtp://127.0.0.1:25"}
    stage = ProductProcess(tmp_path, "[core]\n", variables, {})
    secrets = tmp_path / "nps-connect.env"
    assert read_environment_file(secrets) == variables
    assert stat.S_IMODE(secrets.stat().st_mode) == 0o600
    assert stage.config.read_text() == "[core]\n"


def test_a_command_that_fails_is_told_with_what_it_said(tmp_path):
    stage = ProductProcess(tmp_path, "[core]\n", {}, {})
    with pytest.raises(DemoFailed, match=r"nps-connect config check failed:(.|\n)*company"):
        stage.call("config", "check")


def test_settings_of_this_machine_do_not_leak_into_the_demo(tmp_path, monkeypatch):
    environ = {"NPS_CONNECT_CORE__MODE": "sideways", "NPS_CONNECT_LOAD_PLUGINS": "email", "TOKEN": "real"}
    stage = ProductProcess(tmp_path, "[core]\n", {"TOKEN": "simulated"}, environ)
    assert [one["name"] for one in stage.ask("plugins", "list")] == ["email"]
    with pytest.raises(DemoFailed) as failure:
        stage.call("config", "check")
    assert "sideways" not in str(failure.value)


def test_a_product_that_does_not_start_is_told_with_its_last_words(tmp_path):
    stage = ProductProcess(tmp_path, "[core]\n", {}, {})
    stage.start()
    with pytest.raises(DemoFailed, match=r"not ready; it said:(.|\n)*mistakes"):
        stage.wait_until_ready("http://127.0.0.1:9")
    assert stage.stop() is None


def test_errors_in_the_log_are_complaints_and_their_explanations_are_not(tmp_path):
    stage = ProductProcess(tmp_path, "", {}, {})
    stage.log.write_text(
        "09:00 INFO web GET /s/{token} 200\n09:01 ERROR worker queue failed\nTraceback (most recent call last):\n  File x\n"
    )
    assert stage.complaints() == ["09:01 ERROR worker queue failed", "Traceback (most recent call last):"]
