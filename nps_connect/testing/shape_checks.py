"""Shape and settings: what can be seen of a plugin without calling its vendor."""

from __future__ import annotations

from importlib.metadata import entry_points

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
    """The plugin is what it says."""

    def test_the_loader_takes_it(self) -> None:
        """No misspelt hooks, unknown or defaulted arguments, coroutines or generators; a connector that answers."""
        assert contract_problem(self.plugin) is None
        plugins = Plugins()
        plugins.register(self.plugin, self.info().name)
        assert list(plugins.infos) == [self.info().name]

    def test_its_entry_point_has_its_name(self) -> None:
        """It is installed under the name that its `ConnectorInfo` tells."""
        points = entry_points(group=ENTRY_POINT_GROUP, name=self.info().name)
        modules = [point.value.partition(":")[0] for point in points]
        assert modules == [self.plugin.__name__], f"entry points named {self.info().name!r} lead to {modules}"

    def test_its_annotations_agree_with_the_hooks(self) -> None:
        """Arguments are annotated as wide, answers as narrow as the hookspecs say."""
        assert_no_problems(annotation_problems(self.plugin))

    def test_it_declares_what_it_has(self) -> None:
        """Actions, abilities and hooks agree."""
        assert_no_problems(declaration_problems(self.info(), {name for name, _ in hook_functions(self.plugin)}))

    def test_it_describes_itself_the_same_twice(self) -> None:
        """`nps_connector` is data: no clock, no chance, no I/O."""
        first, second = self.info(), self.info()
        assert (first.name, first.actions, first.events, first.quotas) == (
            second.name,
            second.actions,
            second.events,
            second.quotas,
        )

    def test_its_example_configuration_works(self) -> None:
        """The example is TOML, names its own connection, and its settings are accepted."""
        assert_no_problems(example_problems(self.info()))

    def test_it_imports_only_what_a_plugin_needs(self) -> None:
        """The public surface; no way to the network but the client, no threads, waiting or logging of its own."""
        found = import_problems(self.plugin, speaks_http=self.info().base_url is not None)
        allowed = tuple(f"imports {name};" for name in self.allowed_imports)
        assert_no_problems([problem for problem in found if not any(name in problem for name in allowed)])


class SettingsChecks(ContractBase):
    """The settings refuse mistakes and keep secrets."""

    def test_missing_settings_are_refused(self) -> None:
        """An empty table is no connection, nor is one without any one required value."""
        model = self.info().settings
        if self.settings:
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

    def test_unknown_settings_are_refused(self) -> None:
        """A misspelt key is a mistake, not a silence."""
        with pytest.raises(ValidationError):
            self.info().settings.model_validate(
                {"plugin": self.info().name, **self.settings, "a_key_that_no_plugin_has": 1}
            )

    def test_secrets_are_declared_as_secrets(self) -> None:
        """Values under a name that sounds secret are `SecretStr`, and long enough here to be recognised."""
        model = self.info().settings
        telling = ("secret", "token", "password", "api_key")
        open_ones = [
            name
            for name, field in model.model_fields.items()
            if name.endswith(telling) and not _mentions_secret(field.annotation)
        ]
        assert open_ones == [], "these settings sound secret but are not SecretStr"
        parsed = model.model_validate({"plugin": self.info().name, **self.settings})
        short = [secret for secret in iter_secrets(parsed) if len(secret) < 8]
        assert short == [], "give secrets of 8 characters or more, so that the contract can recognise them"

    def test_secrets_never_show(self) -> None:
        """Neither reprs nor dumps nor errors of the settings and the connection hold a secret."""
        bench = self.harness()
        settings = bench.connection.settings
        shown = [
            repr(settings),
            str(settings),
            settings.model_dump_json(),
            repr(bench.connection),
            repr(bench.connection.client),
        ]
        for name in type(settings).model_fields:
            try:
                type(settings).model_validate(
                    {"plugin": self.info().name, **self.settings, name: [{"odd": self.settings.get(name)}]}
                )
            except ValidationError as error:
                shown += [str(error), repr(error)]
        for secret in bench.secrets:
            assert not [text for text in shown if secret in text], "a secret shows"


def _mentions_secret(annotation: object) -> bool:
    return any(kind.__name__ in str(annotation) for kind in (SecretStr, SecretBytes))
