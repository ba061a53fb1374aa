"""The plugin manager: loads plugins one by one, so that a broken one does not affect others, and calls exactly one.

Each plugin has its own pluggy manager. No implementation can wrap, reorder or stop that of another plugin, and no call
is a broadcast.
"""

from __future__ import annotations

import os
import tomllib
import warnings
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any

import pluggy

from nps_connect.connection import Connection, ConnectionSettings
from nps_connect.errors import DeliveryError, PluginError
from nps_connect.hookspecs.declarations import (
    api_problem,
    capabilities,
    declaration_problem,
    missing_hooks,
    used_deprecations,
)
from nps_connect.hookspecs.plugin_manager import CorePluginManager
from nps_connect.hookspecs.results import type_mismatch
from nps_connect.hookspecs.validation import contract_problem, signatures
from nps_connect.records.connectors import ConnectorInfo
from nps_connect.records.deliveries import Receipt
from nps_connect.records.vendor_ends import VendorEnd, VendorEnds

VENDOR_ENDS_FILE = "vendor_ends.toml"
ENTRY_POINT_GROUP = "nps_connect"
BUILTIN_DISTRIBUTION = "nps-connect"
LOAD_PLUGINS_VARIABLE = "NPS_CONNECT_LOAD_PLUGINS"


@dataclass(frozen=True)
class _LoadedPlugin:
    manager: pluggy.PluginManager
    hooks: tuple[str, ...]
    origin: str
    folder: Path | None


class Plugins:
    """The plugins of a process, created by `load`, or empty and filled by `register`.

    Attributes:
        infos: declaration of each loaded plugin, by name.
        broken: why a plugin is off, by name; the error's ``__cause__`` is what the plugin raised.
        remarks: what a loaded plugin lacks or should change, by name; empty lists are left out.
        versions: version of each loaded plugin's distribution, by name.
    """

    def __init__(self) -> None:
        self._plugins: dict[str, _LoadedPlugin] = {}
        self.infos: dict[str, ConnectorInfo] = {}
        self.broken: dict[str, PluginError] = {}
        self.remarks: dict[str, list[str]] = {}
        self.versions: dict[str, str] = {}

    @classmethod
    def load(
        cls,
        *,
        only: Collection[str] | None = None,
        group: str = ENTRY_POINT_GROUP,
        environ: Mapping[str, str] = os.environ,
    ) -> Plugins:
        """Load the installed plugins by entry point.

        Args:
            only: names to load; None means those in ``NPS_CONNECT_LOAD_PLUGINS`` (comma-separated, an empty text loads
                no plugin), or all if it is not set.
            group: the entry point group.
            environ: the environment.
        """
        plugins = cls()
        if only is None and LOAD_PLUGINS_VARIABLE in environ:
            only = [name.strip() for name in environ[LOAD_PLUGINS_VARIABLE].split(",") if name.strip()]
        points_by_name = _group_by_name(entry_points(group=group))
        for name in sorted(points_by_name) if only is None else dict.fromkeys(only):
            try:
                plugins._load_plugin(name, points_by_name)
            except PluginError as error:
                plugins.broken[name] = error
        return plugins

    def _load_plugin(self, name: str, points_by_name: Mapping[str, Sequence[EntryPoint]]) -> None:
        points = points_by_name.get(name, ())
        if not points:
            raise PluginError(name, f"is not installed; installed: {', '.join(sorted(points_by_name)) or 'none'}")
        points = [point for point in points if point.dist and point.dist.name == BUILTIN_DISTRIBUTION] or points
        if len(points) > 1:
            raise PluginError(name, f"is offered twice, by {' and '.join(map(_origin, points))}; uninstall one of them")
        try:
            module = points[0].load()
        except (Exception, SystemExit) as error:  # an error in one plugin must not stop the others
            raise PluginError(name, f"cannot be imported: {type(error).__name__}: {error}") from error
        dist = points[0].dist
        self.register(module, name, version=dist.version if dist else None, origin=_origin(points[0]))

    def register(self, module: object, name: str, *, version: str | None = None, origin: str | None = None) -> None:
        """Register a plugin under the name of its entry point.

        Args:
            module: the plugin.
            name: must equal its `ConnectorInfo.name`.
            version: of its distribution; the module's ``__version__`` if not given.
            origin: of the plugin, for errors.

        Raises:
            PluginError: the plugin violates the contract; it is not registered.
        """
        origin = origin or str(getattr(module, "__name__", type(module).__name__))
        if name in self._plugins:
            raise PluginError(name, f"is offered twice, by {self._plugins[name].origin} and {origin}")
        problem = contract_problem(module)
        if problem:
            raise PluginError(name, _foreign_api(module) or problem)
        manager = CorePluginManager()
        try:
            manager.register(module, name)
        except (pluggy.PluginValidationError, ValueError) as error:
            raise PluginError(name, str(error)) from error
        hooks = tuple(hook for hook in signatures() if getattr(manager.hook, hook).get_hookimpls())
        self._plugins[name] = _LoadedPlugin(manager, hooks, origin, _package_folder(module))
        try:
            info = self._load_info(name)
        except PluginError:
            del self._plugins[name]
            raise
        if problem := api_problem(info.api) or declaration_problem(info, hooks):
            del self._plugins[name]
            raise PluginError(name, problem)
        self.infos[name] = info.model_copy(update=capabilities(hooks))
        self._record_remarks(name, module)
        self.versions[name] = version or str(getattr(module, "__version__", "unversioned"))

    def _record_remarks(self, name: str, module: object) -> None:
        deprecations = used_deprecations(module)
        for sentence in deprecations:
            warnings.warn(f"plugin {name!r}: {sentence}", DeprecationWarning, stacklevel=3)
        if remarks := [*missing_hooks(self.infos[name], self.hooks_of(name)), *deprecations]:
            self.remarks[name] = remarks

    def _load_info(self, name: str) -> ConnectorInfo:
        try:
            info = self.call(name, "nps_connector")
        except PluginError:
            raise
        except Exception as error:
            raise PluginError(name, f"nps_connector raised {type(error).__name__}: {error}") from error
        if info.name != name:
            raise PluginError(name, f"its ConnectorInfo is named {info.name!r}, but its entry point {name!r}")
        if not issubclass(info.settings, ConnectionSettings):
            raise PluginError(name, f"its settings model {info.settings.__name__} is not a ConnectionSettings")
        return info  # type: ignore[no-any-return]

    def with_stand_ins(self, stand_ins: Mapping[str, object]) -> Plugins:
        """Return these plugins with other implementations for some of them, by name.

        Raises:
            PluginError: a stand-in violates the contract.
        """
        plugins = Plugins()
        for name, plugin in self._plugins.items():
            if name not in stand_ins:
                module = plugin.manager.get_plugin(name)
                plugins.register(module, name, version=self.versions[name], origin=plugin.origin)
        for name, stand_in in stand_ins.items():
            plugins.register(stand_in, name)
            if name in self.infos:  # a stand-in has every delivery hook, and stands in for those that its plugin has
                channel = self.infos[name].channel
                plugins.infos[name] = plugins.infos[name].model_copy(update={"channel": channel})
        return plugins

    def hooks_of(self, name: str) -> tuple[str, ...]:
        """Return the hooks that a plugin implements, in the order of the pipeline; empty for an unknown plugin."""
        plugin = self._plugins.get(name)
        return plugin.hooks if plugin else ()

    def has(self, name: str, hook: str) -> bool:
        """Return whether a plugin is loaded and implements a hook."""
        plugin = self._plugins.get(name)
        return plugin is not None and hook in plugin.hooks

    def is_implemented(self, hook: str) -> bool:
        """Whether any loaded plugin implements a hook."""
        return any(hook in plugin.hooks for plugin in self._plugins.values())

    def vendor_ends(self, name: str) -> Sequence[VendorEnd]:
        """Return the announced ends that a plugin's package lists in ``vendor_ends.toml``; without the file, none.

        Raises:
            PluginError: the file is invalid.
        """
        plugin = self._plugins.get(name)
        file = None if plugin is None or plugin.folder is None else plugin.folder / VENDOR_ENDS_FILE
        if file is None or not file.is_file():
            return ()
        try:
            return VendorEnds.model_validate(tomllib.loads(file.read_text(encoding="utf-8"))).ends
        except (OSError, ValueError) as error:
            raise PluginError(name, f"{VENDOR_ENDS_FILE} is invalid: {error}") from None

    def call(self, name: str, hook: str, **kwargs: Any) -> Any:  # noqa: ANN401  # each hook has its own result type
        """Call one hook of one plugin. Exceptions of the hook propagate.

        Raises:
            PluginError: the plugin is not loaded, does not implement the hook, or its result does not match the
                specification.
        """
        plugin = self._plugins.get(name)
        if plugin is None:
            raise self.broken.get(name) or PluginError(name, "is not loaded" + _did_you_mean(name, self._plugins))
        if hook not in plugin.hooks:
            raise PluginError(name, f"does not implement {hook}")
        results = getattr(plugin.manager.hook, hook)(**kwargs)
        result = results[0] if results else None
        returns = signatures()[hook].returns
        if type(result) is not returns and (problem := type_mismatch(result, returns)):
            raise PluginError(name, f"{hook} {problem}")
        return result

    def deliver(
        self, name: str, hook: str, connection: Connection, items: Sequence[Any]
    ) -> list[Receipt | DeliveryError]:
        """Call a delivery hook with one batch; return one outcome per item, in order.

        A `DeliveryError` raised by the hook is the outcome of every item. Other exceptions propagate.

        Raises:
            PluginError: as `call`; also for a wrong number of outcomes. The batch is then in doubt.
        """
        parameter = list(signatures()[hook].parameters)[1]
        try:
            outcomes = list(self.call(name, hook, connection=connection, **{parameter: items}))
        except DeliveryError as error:
            outcomes = [error] * len(items)
        if len(outcomes) != len(items):
            raise PluginError(name, f"{hook} answered {len(outcomes)} outcomes for {len(items)} items")
        for outcome in outcomes:
            if isinstance(outcome, DeliveryError) and outcome.connection is None:
                outcome.connection = connection.name
        return outcomes

    def call_each(self, hook: str, **kwargs: Any) -> Iterator[tuple[str, Any | Exception]]:  # noqa: ANN401
        """Call a hook of every plugin that implements it, each separately; yield result or exception by plugin."""
        for name in sorted(name for name, plugin in self._plugins.items() if hook in plugin.hooks):
            try:
                yield name, self.call(name, hook, **kwargs)
            except Exception as error:  # noqa: BLE001  # the failure of one plugin is returned as its result
                yield name, error


def _group_by_name(points: Iterable[EntryPoint]) -> dict[str, list[EntryPoint]]:
    by_name: dict[str, dict[str, EntryPoint]] = {}
    for point in points:
        by_name.setdefault(point.name, {}).setdefault(_origin(point), point)
    return {name: list(by_origin.values()) for name, by_origin in by_name.items()}


def _foreign_api(module: object) -> str | None:
    """Return that a plugin is made for another version of the plugin API, if its declaration can be read at all."""
    try:
        return api_problem(module.nps_connector().api)  # type: ignore[attr-defined]
    except Exception:  # noqa: BLE001  # a plugin that is broken in this way is reported by the contract
        return None


def _package_folder(module: object) -> Path | None:
    """Return the folder of a plugin that is a package; a single file has no folder of its own."""
    file = Path(getattr(module, "__file__", None) or "")
    return file.parent if file.name == "__init__.py" else None


def _origin(point: EntryPoint) -> str:
    return f"{point.value} of {point.dist.name}" if point.dist else point.value


def _did_you_mean(name: str, candidates: Iterable[str]) -> str:
    matches = get_close_matches(name, list(candidates), n=1)
    return f"; did you mean {matches[0]!r}?" if matches else ""
