from __future__ import annotations

import stat

import pytest

from nps_connect.sandbox.product_process import DemoFailed, ProductProcess
from nps_connect.settings.config_files import read_environment_file


def test_the_environment_file_is_readable_only_by_its_owner(tmp_path):
    variables = {"TOKEN": "it's a \\ secret $HOME", "SMTP_URL": "smtp://127.0.0.1:25"}
    product = ProductProcess(tmp_path, "[core]\n", variables, {})
    secrets = tmp_path / "nps-connect.env"
    assert read_environment_file(secrets) == variables
    assert stat.S_IMODE(secrets.stat().st_mode) == 0o600
    assert product.config.read_text() == "[core]\n"


def test_a_failed_command_raises_with_its_error_output(tmp_path):
    product = ProductProcess(tmp_path, "[core]\n", {}, {})
    with pytest.raises(DemoFailed, match=r"nps-connect config check failed:(.|\n)*company"):
        product.run_command("config", "check")


def test_environment_variables_of_the_caller_do_not_affect_the_demo(tmp_path, monkeypatch):
    environ = {"NPS_CONNECT_CORE__MODE": "sideways", "NPS_CONNECT_LOAD_PLUGINS": "email", "TOKEN": "real"}
    product = ProductProcess(tmp_path, "[core]\n", {"TOKEN": "simulated"}, environ)
    assert [plugin["name"] for plugin in product.run_json("plugins", "list")["items"]] == ["email"]
    with pytest.raises(DemoFailed) as failure:
        product.run_command("config", "check")
    assert "sideways" not in str(failure.value)


def test_a_product_that_does_not_start_raises_with_the_end_of_its_log(tmp_path):
    product = ProductProcess(tmp_path, "[core]\n", {}, {})
    product.start()
    with pytest.raises(DemoFailed, match=r"did not become ready; its log ends with:(.|\n)*mistakes"):
        product.wait_until_ready("http://127.0.0.1:9")
    assert product.stop() is None


def test_error_lines_contains_errors_and_tracebacks_without_their_details(tmp_path):
    product = ProductProcess(tmp_path, "", {}, {})
    product.log.write_text(
        "09:00 INFO web GET /s/{token} 200\n09:01 ERROR worker queue failed\nTraceback (most recent call last):\n  File x\n"
    )
    assert product.error_lines() == ["09:01 ERROR worker queue failed", "Traceback (most recent call last):"]
