"""`build_config_schema`: what the loader accepts is valid, and typing mistakes are found by an editor."""

import tomllib
from datetime import date

import pytest

from nps_connect.app.config_schema import build_config_schema
from nps_connect.cli._support.config_template import build_config_template
from nps_connect.plugins import Plugins

jsonschema = pytest.importorskip("jsonschema")


@pytest.fixture(scope="module")
def installed():
    return Plugins.load(environ={})


@pytest.fixture(scope="module")
def schema(installed):
    schema = build_config_schema(installed)
    jsonschema.Draft202012Validator.check_schema(schema)
    return schema


def mistakes(schema, table):
    errors = jsonschema.Draft202012Validator(schema).iter_errors(table)
    return sorted(error.json_path for error in errors)


def example(installed, **core):
    template = build_config_template(installed.infos.values(), environment_file="nps-connect.env")
    table = tomllib.loads(template.text)
    table["core"].update(core)
    return table


def test_the_initial_configuration_is_valid(schema, installed):
    assert mistakes(schema, example(installed)) == []


def test_every_example_of_a_plugin_is_valid(schema, installed):
    for info in installed.infos.values():
        text = f"{info.example.table}\n{info.example.triggers}\n{info.example.routes}"
        table = {**example(installed), **tomllib.loads(text)}
        assert mistakes(schema, table) == []


def test_references_are_allowed_for_every_value_and_required_for_secrets(schema, installed):
    reference = {"env": "NAME"}
    assert mistakes(schema, example(installed, workers=reference, languages=reference, mode={"file": "mode"})) == []
    assert mistakes(schema, example(installed, metrics_token="plain-text-secret")) == ["$.core.metrics_token"]
    assert mistakes(schema, example(installed, mode={"env": "A", "file": "b"})) == ["$.core.mode"]


@pytest.mark.parametrize(
    ("change", "path"),
    [
        (lambda table: table["core"].update(mode="lvie"), "$.core.mode"),
        (lambda table: table["core"].pop("company"), "$.core"),
        (lambda table: table["limits"].update(cooldwon="90d"), "$.limits"),
        (lambda table: table["limits"].update(cooldown="90 days"), "$.limits.cooldown"),
        (lambda table: table["routes"][0].update(on="detracter"), "$.routes[0].on"),
        (lambda table: table["triggers"][0].update(sample=101), "$.triggers[0].sample"),
        (lambda table: table["connections"]["mail"].update(plugin="emial"), "$.connections.mail.plugin"),
        (lambda table: table["connections"]["mail"].update(timeuot=3), "$.connections.mail"),
        (lambda table: table["connections"].update(Mail={"plugin": "email"}), "$.connections"),
        (lambda table: table["surveys"]["after-purchase"].update(reminders=3), "$.surveys['after-purchase'].reminders"),
    ],
)
def test_a_mistake_is_found_at_its_place(schema, installed, change, path):
    table = example(installed)
    change(table)
    assert mistakes(schema, table) == [path]


def test_days_are_written_as_toml_dates_or_texts(schema, installed):
    table = example(installed)
    table["triggers"][0]["active_from"] = date(2026, 1, 31).isoformat()
    assert mistakes(schema, table) == []


def test_keys_have_their_meaning_for_the_editor(schema):
    core = schema["$defs"]["Core"]["properties"]
    assert core["company"]["description"] == "the name that customers know."
    assert schema["$defs"]["EmailSettings"]["properties"]["events"]["description"].startswith("how events arrive")
    assert "null" not in str(schema)
