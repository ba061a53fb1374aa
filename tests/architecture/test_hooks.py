"""Every hook is documented, has a test of its name, and has an implementation."""

from __future__ import annotations

import re
from importlib import import_module
from importlib.metadata import entry_points

import pytest

from nps_connect.hookspecs import HOOKSPEC_MODULES, PROJECT

BUILT_IN = {
    "nps_trigger_survey": "nps_connect.rules.evaluate:check_trigger",  # the configured triggers
    "nps_classify_comments": "nps_connect.services.comments.classify:classify_comments",  # the words of the file
    "nps_choose_review_platform": "nps_connect.rules.review_policy:choose_platform",  # weights and rotation
}
"""Hooks that the core implements by a rule, besides the plugins."""

HOOKS = sorted(
    name for module in HOOKSPEC_MODULES for name in vars(module) if hasattr(vars(module)[name], f"{PROJECT}_spec")
)


@pytest.fixture(scope="module")
def tests_text(tracked, root):
    """The text of every test file."""
    return "\n".join(
        path.read_text(encoding="utf-8")
        for path in tracked
        if path.suffix == ".py" and "tests" in path.relative_to(root).parts
    )


@pytest.fixture(scope="module")
def implemented():
    """Names of the hooks that the installed and built-in plugins implement."""
    modules = [point.load() for point in entry_points(group=PROJECT)]
    return {name for module in modules for name in vars(module) if hasattr(getattr(module, name), f"{PROJECT}_impl")}


def test_there_are_hooks_of_every_phase():
    assert len(HOOKS) >= 20
    assert all(name.startswith("nps_") for name in HOOKS)


@pytest.mark.parametrize("hook", HOOKS)
def test_the_hook_has_a_heading_in_the_reference(hook, root):
    reference = (root / "docs" / "reference" / "hooks.md").read_text(encoding="utf-8")
    assert re.search(rf"^###? `{hook}`$", reference, re.MULTILINE)


@pytest.mark.parametrize("hook", HOOKS)
def test_a_test_is_named_after_the_hook(hook, tests_text):
    assert re.search(rf"def test_{hook}(?:_|\()", tests_text), f"write a test called test_{hook}..."


@pytest.mark.parametrize("hook", HOOKS)
def test_the_hook_has_a_real_implementer(hook, implemented):
    if hook in BUILT_IN:
        module, _, rule = BUILT_IN[hook].partition(":")
        assert callable(getattr(import_module(module), rule))
    else:
        assert hook in implemented
