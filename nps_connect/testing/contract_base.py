"""Shared base of the contract checks: the attributes of a test class, and the selection of applicable checks."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar, TypeVar

import pytest

from nps_connect.hookspecs.validation import hook_functions
from nps_connect.records.connectors import ActionInfo, ConnectorInfo
from nps_connect.testing.harness import PluginHarness, VendorFactory

HTTP = "http"
VENDOR = "vendor"

Check = TypeVar("Check", bound=Callable[..., None])


def needs(*things: str) -> Callable[[Check], Check]:
    """Generate the check only for plugins with all of these hooks or features (`HTTP`, `VENDOR`)."""

    def mark(check: Check) -> Check:
        check.__dict__["needs"] = things
        return check

    return mark


def assert_no_problems(problems: Sequence[str]) -> None:
    """Fail with one problem per line."""
    assert not problems, "\n".join(problems)


BATCH_SIZE = 3
"""Number of items in the batches that the checks deliver."""


class ActionCase:
    """One declared action; its representation is its name, for test ids.

    Attributes:
        name: the action's name.
        batch_size: maximum number of items per call.
    """

    def __init__(self, action: ActionInfo) -> None:
        self.name, self.batch_size = action.action, action.batch_size

    def __repr__(self) -> str:
        return self.name


class ContractBase:
    """Attributes of a contract test class.

    Attributes:
        plugin: the plugin's module.
        settings: its table as in the configuration, without `plugin`; secrets in plain text, at least 8 characters.
        vendor: the class of the simulated vendor, or a function that builds one for a clock; it must accept the secrets
            in `settings`. None for plugins without a simulated vendor.
        quality: the quality file; by default searched in and next to the plugin's package.
        max_requests: maximum number of requests of one hook call for one subject.
        allowed_imports: further modules that the plugin has a good reason to import.
    """

    plugin: ClassVar[ModuleType]
    settings: ClassVar[Mapping[str, Any]]
    vendor: ClassVar[VendorFactory | None] = None
    quality: ClassVar[Path | None] = None
    max_requests: ClassVar[int] = 4
    allowed_imports: ClassVar[Collection[str]] = ()

    def __init_subclass__(cls, **more: Any) -> None:  # noqa: ANN401
        """Remove the checks that do not apply to the plugin."""
        super().__init_subclass__(**more)
        if not hasattr(cls, "plugin"):
            return
        available, parameters = cls.features(), cls.parameters()
        for name in [name for name in dir(cls) if name.startswith("test_")]:
            check = getattr(cls, name)
            values = [
                parameters[argument] for argument in inspect.signature(check).parameters if argument in parameters
            ]
            if not set(getattr(check, "needs", ())) <= available or not all(values):
                setattr(cls, name, None)

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Parametrize a check over the values of its arguments."""
        for name, values in type(self).parameters().items():
            if name in metafunc.fixturenames:
                metafunc.parametrize(name, values, ids=repr)

    @classmethod
    def parameters(cls) -> dict[str, Sequence[Any]]:
        """Return the values that checks are parametrized with, by argument name."""
        actions = [ActionCase(action) for action in cls.actions()]
        return {
            "action": actions,
            "action_with_lookup": actions if "nps_find_existing" in cls.features() else [],
            "batched_action": [action for action in actions if action.batch_size >= BATCH_SIZE],
        }

    @classmethod
    def features(cls) -> set[str]:
        """Return the plugin's hooks, with `HTTP` and `VENDOR` where they apply."""
        features = {name for name, _ in hook_functions(cls.plugin)}
        if cls.vendor is not None:
            features.add(VENDOR)
        if cls.vendor is not None and cls.info_or_none() is not None and cls.info().base_url is not None:
            features.add(HTTP)
        return features

    @classmethod
    def info(cls) -> ConnectorInfo:
        """Return what the plugin declares."""
        info: ConnectorInfo = cls.plugin.nps_connector()
        return info

    @classmethod
    def info_or_none(cls) -> ConnectorInfo | None:
        """Return what the plugin declares; None if `nps_connector` fails, which a shape check reports."""
        try:
            return cls.info()
        except Exception:  # noqa: BLE001  # a broken plugin must fail in a check, not at collection
            return None

    @classmethod
    def actions(cls) -> list[ActionInfo]:
        """Return the declared actions that call the vendor; another connection's channel sends review invitations."""
        info = cls.info_or_none()
        return [action for action in info.actions if action.action != "invite_review"] if info else []

    def harness(self, *, name: str = "crm") -> PluginHarness:
        """Return the plugin connected to a new simulated vendor."""
        cls = type(self)
        return PluginHarness(cls.plugin, cls.settings, cls.vendor, name=name)
