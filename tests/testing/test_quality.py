"""The quality file is complete, and true where the contract can tell."""

import pytest
from testing import acme

from nps_connect.testing import RULES, ConnectorContract
from nps_connect.testing.quality import find_quality_file, quality_problems

CHECKS = [check for rule in RULES for check in rule.checks]


def written(tmp_path, **changes):
    lines = ["[rules]"]
    for rule in RULES:
        entry = changes.get(rule.name.replace("-", "_"), '"done"')
        if entry is not None:
            lines.append(f"{rule.name} = {entry}")
    lines += [
        f"{name.removesuffix('_unknown')} = {entry}" for name, entry in changes.items() if name.endswith("_unknown")
    ]
    path = tmp_path / "quality.toml"
    path.write_text("\n".join(lines))
    return path


def test_every_rules_checks_exist():
    assert [check for check in CHECKS if not callable(getattr(ConnectorContract, check, None))] == []
    assert len({rule.name for rule in RULES}) == len(RULES)


def test_every_check_belongs_to_a_rule():
    checks = {name for name in dir(ConnectorContract) if name.startswith("test_")}
    assert checks - set(CHECKS) == {"test_its_quality_file_is_true"}


def test_a_complete_file_has_no_problems(tmp_path):
    assert quality_problems(written(tmp_path), CHECKS) == []


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"faults": None}, "'faults' is missing: Every fault becomes the right error."),
        ({"fautls_unknown": '"done"'}, "'fautls' is no rule; did you mean 'faults'?"),
        ({"faults": '"perhaps"'}, "'faults' is 'perhaps'; allowed: done, todo, exempt"),
        ({"faults": "7"}, "'faults' is 7; allowed"),
        ({"faults": '"exempt"'}, "'faults' is exempt without a reason"),
        ({"documentation": '{ status = "todo", reason = "later" }'}, "'documentation' is todo without a reason"),
        (
            {"faults": '{ status = "todo", reason = "not before the summer" }'},
            "says todo, but its checks run: say done",
        ),
        ({"faults": "{ }"}, "'faults' is None; allowed"),
    ],
)
def test_problems_of_a_file(tmp_path, changes, problem):
    [found] = quality_problems(written(tmp_path, **changes), CHECKS)
    assert problem in found


def test_what_nobody_can_check_cannot_be_done(tmp_path):
    generated = [check for check in CHECKS if "webhooks" not in check and "kinds" not in check]
    found = quality_problems(written(tmp_path), generated)
    assert any("'webhooks-verified' says done, but nothing here can be checked" in problem for problem in found)
    exempt = '{ status = "exempt", reason = "this vendor sends no webhooks" }'
    found = quality_problems(written(tmp_path, webhooks_verified=exempt), generated)
    assert not any("webhooks-verified" in problem for problem in found)


def test_what_people_judge_can_be_to_do(tmp_path):
    todo = '{ status = "todo", reason = "the page is being written" }'
    assert quality_problems(written(tmp_path, documentation=todo), CHECKS) == []


def test_a_file_that_is_not_toml(tmp_path):
    path = tmp_path / "quality.toml"
    path.write_text("[rules")
    assert "quality.toml is not TOML" in quality_problems(path, CHECKS)[0]


def test_the_file_is_found_inside_or_beside_the_package(tmp_path):
    package = tmp_path / "package"
    package.mkdir()
    assert find_quality_file(str(package / "__init__.py")) is None
    beside = written(tmp_path)
    assert find_quality_file(str(package / "__init__.py")) == beside
    inside = package / "quality.toml"
    inside.write_text("")
    assert find_quality_file(str(package / "__init__.py")) == inside
    assert find_quality_file(None) is None


def test_the_contract_asks_for_the_file(contract, findings, tmp_path):
    wrong = written(tmp_path, faults=None)
    assert "'faults' is missing" in findings(contract(acme, quality=wrong), "test_its_quality_file_is_true")[0]
    assert findings(contract(acme), "test_its_quality_file_is_true") == []


def test_a_plugin_without_the_file(contract, changed, findings, tmp_path):
    bare = changed()
    bare.__file__ = str(tmp_path / "deeper" / "acme" / "__init__.py")
    assert "no quality.toml beside" in findings(contract(bare), "test_its_quality_file_is_true")[0]
