"""What all parts of the contract share: the attributes that a test class sets, and which checks apply to it."""

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
    """The check applies only to plugins with these hooks, or with `HTTP`, or `VENDOR`; else it is not generated."""

    def mark(check: Check) -> Check:
        check.__dict__["needs"] = things
        return check

    return mark


def assert_no_problems(problems: Sequence[str]) -> None:
    """Fail with every problem on a line of its own."""
    assert not problems, "\n".join(problems)


BATCH_SIZE = 3
"""Subjects in the batches that are tried."""


class ActionCase:
    """One declared action, told by its name.

    Attributes:
        name: of the action.
        doubt: what a in_doubt delivery of it does next.
        batch_size: items per call at most.
    """

    def __init__(self, action: ActionInfo) -> None:
        self.name, self.doubt, self.batch_size = action.action, action.doubt, action.batch_size

    def __repr__(self) -> str:
        return self.name


class ContractBase:
    """Attributes of a contract test class.

    Attributes:
        plugin: the plugin's module.
        settings: its table as in the configuration, without `plugin`; secrets in plain text, 8 characters or more.
        vendor: the class of the simulated vendor, or a function that makes one for a clock; it must accept the
            settings' secrets. None for plugins without one.
        quality: the quality file; looked for beside the plugin's package if not given.
        most_requests: how many requests one hook call for one subject may make at most.
        allowed_imports: modules beyond the usual that the plugin has a good reason to import.
    """

    plugin: ClassVar[ModuleType]
    settings: ClassVar[Mapping[str, Any]]
    vendor: ClassVar[VendorFactory | None] = None
    quality: ClassVar[Path | None] = None
    max_requests: ClassVar[int] = 4
    allowed_imports: ClassVar[Collection[str]] = ()

    def __init_subclass__(cls, **more: Any) -> None:  # noqa: ANN401
        """Take the checks out that do not apply to the plugin."""
        super().__init_subclass__(**more)
        if not hasattr(cls, "plugin"):
            return
        there, parameters = cls.features(), cls.parameters()
        for name in [name for name in dir(cls) if name.startswith("test_")]:
            check = getattr(cls, name)
            over = [parameters[taken] for taken in inspect.signature(check).parameters if taken in parameters]
            if not set(getattr(check, "needs", ())) <= there or not all(over):
                setattr(cls, name, None)

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Generate a check once for each of what it runs over."""
        for name, values in type(self).parameters().items():
            if name in metafunc.fixturenames:
                metafunc.parametrize(name, values, ids=repr)

    @classmethod
    def parameters(cls) -> dict[str, Sequence[Any]]:
        """What checks run over, by the name of their argument."""
        actions = [ActionCase(action) for action in cls.actions()]
        return {
            "action": actions,
            "looked": [action for action in actions if action.doubt == "look"],
            "batched": [action for action in actions if action.batch_size >= BATCH_SIZE],
        }

    @classmethod
    def features(cls) -> set[str]:
        """Hooks of the plugin, and `HTTP` and `VENDOR` where it has them."""
        there = {name for name, _ in hook_functions(cls.plugin)}
        if cls.vendor is not None:
            there.add(VENDOR)
        if cls.vendor is not None and cls.info_or_none() is not None and cls.info().base_url is not None:
            there.add(HTTP)
        return there

    @classmethod
    def info(cls) -> ConnectorInfo:
        """What the plugin declares."""
        info: ConnectorInfo = cls.plugin.nps_connector()
        return info

    @classmethod
    def info_or_none(cls) -> ConnectorInfo | None:
        """What the plugin declares; none if it cannot even do that, which the check of its shape tells."""
        try:
            return cls.info()
        except Exception:  # noqa: BLE001  # a broken plugin must fail in a check, not at collection
            return None

    @classmethod
    def actions(cls) -> list[ActionInfo]:
        """The declared actions that call the vendor; a review invitation travels over another connection's channel."""
        info = cls.info_or_none()
        return [action for action in info.actions if action.action != "invite_review"] if info else []

    def harness(self, *, name: str = "crm") -> PluginHarness:
        """The plugin, connected to a fresh simulated vendor."""
        cls = type(self)
        return PluginHarness(cls.plugin, cls.settings, cls.vendor, name=name)
