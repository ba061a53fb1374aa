"""Shape and settings checks: everything that needs no call to the vendor."""

from __future__ import annotations

from importlib.metadata import entry_points
from typing import ClassVar

import pytest
from pydantic import SecretBytes, SecretStr, ValidationError

from nps_connect.hookspecs.validation import contract_problem, hook_functions
from nps_connect.plugins import ENTRY_POINT_GROUP, Plugins
from nps_connect.redaction import iter_secrets
from nps_connect.testing.annotations import annotation_problems
from nps_connect.testing.contract_base import ContractBase, assert_no_problems
from nps_connect.testing.declarations import declaration_problems, example_problems
from nps_connect.testing.import_checks import import_problems


class ShapeChecks(ContractBase):
    """The plugin's declarations are consistent."""

    def test_plugin_loads(self) -> None:
        """No misspelt hook, unknown or defaulted argument, coroutine or generator; `nps_connector` returns its info."""
        assert contract_problem(self.plugin) is None
        plugins = Plugins()
        plugins.register(self.plugin, self.info().name)
        assert list(plugins.infos) == [self.info().name]

    def test_entry_point_has_the_plugin_name(self) -> None:
        """The entry point has the name in `ConnectorInfo`."""
        points = entry_points(group=ENTRY_POINT_GROUP, name=self.info().name)
        modules = [point.value.partition(":")[0] for point in points]
        assert modules == [self.plugin.__name__], f"entry points named {self.info().name!r} lead to {modules}"

    def test_annotations_match_the_hookspecs(self) -> None:
        """Parameters are annotated as wide, return types as narrow as the hookspecs."""
        assert_no_problems(annotation_problems(self.plugin))

    def test_declarations_match_the_hooks(self) -> None:
        """Declared actions and capabilities match the hooks."""
        assert_no_problems(declaration_problems(self.info(), {name for name, _ in hook_functions(self.plugin)}))

    def test_connector_info_is_constant(self) -> None:
        """`nps_connector` returns constant data: no clock, no randomness, no I/O."""
        first, second = self.info(), self.info()
        assert (first.name, first.actions, first.events, first.quotas) == (
            second.name,
            second.actions,
            second.events,
            second.quotas,
        )

    def test_example_configuration_is_valid(self) -> None:
        """The example is valid TOML, refers to its own connection, and its settings are accepted."""
        assert_no_problems(example_problems(self.info()))

    def test_imports_only_the_public_api(self) -> None:
        """The plugin imports the public API only, and no other HTTP client, threads, sleep or logging."""
        problems = import_problems(self.plugin, speaks_http=self.info().base_url is not None)
        allowed = tuple(f"imports {name};" for name in self.allowed_imports)
        assert_no_problems([problem for problem in problems if not any(name in problem for name in allowed)])


class SettingsChecks(ContractBase):
    """The settings model rejects mistakes and protects secrets.

    Attributes:
        needs_settings: whether a table with nothing but the plugin's name is a mistake.
    """

    needs_settings: ClassVar[bool] = True

    def test_missing_settings_are_rejected(self) -> None:
        """An empty table is rejected, and so is one without any one required value."""
        model = self.info().settings
        if self.settings and self.needs_settings:
            with pytest.raises(ValidationError):
                model.model_validate({"plugin": self.info().name})
        required = [
            field.alias or name
            for name, field in model.model_fields.items()
            if field.is_required() and name != "plugin"
        ]
        for name in required:
            table = {key: value for key, value in self.settings.items() if key != name}
            with pytest.raises(ValidationError):
                model.model_validate({"plugin": self.info().name, **table})

    def test_unknown_settings_are_rejected(self) -> None:
        """A misspelt key is rejected, not ignored."""
        with pytest.raises(ValidationError):
            self.info().settings.model_validate(
                {"plugin": self.info().name, **self.settings, "a_key_that_no_plugin_has": 1}
            )

    def test_secrets_are_declared_as_secrets(self) -> None:
        """Settings with a name of a secret are `SecretStr`, and long enough here to be recognised in texts."""
        model = self.info().settings
        secret_suffixes = ("secret", "token", "password", "api_key")
        plain_text = [
            name
            for name, field in model.model_fields.items()
            if name.endswith(secret_suffixes) and not _mentions_secret(field.annotation)
        ]
        assert plain_text == [], "these settings have names of secrets but are not SecretStr"
        parsed = model.model_validate({"plugin": self.info().name, **self.settings})
        short = [secret for secret in iter_secrets(parsed) if len(secret) < 8]
        assert short == [], "use secrets of at least 8 characters, so that the contract can recognise them in texts"

    def test_secrets_never_show(self) -> None:
        """Neither representations nor dumps nor errors of settings and connection contain a secret."""
        harness = self.harness()
        settings = harness.connection.settings
        shown = [
            repr(settings),
            str(settings),
            settings.model_dump_json(),
            repr(harness.connection),
            repr(harness.connection.client),
        ]
        for name in type(settings).model_fields:
            try:
                type(settings).model_validate(
                    {"plugin": self.info().name, **self.settings, name: [{"odd": self.settings.get(name)}]}
                )
            except ValidationError as error:
                shown += [str(error), repr(error)]
        for secret in harness.secrets:
            assert not [text for text in shown if secret in text], "a secret is shown"


def _mentions_secret(annotation: object) -> bool:
    return any(kind.__name__ in str(annotation) for kind in (SecretStr, SecretBytes))
