"""The quality file is complete, and agrees with the generated checks."""

import pytest
from testing import acme

from nps_connect.testing import RULES, ConnectorContract
from nps_connect.testing.quality import find_quality_file, quality_problems

CHECKS = [check for rule in RULES for check in rule.checks]


def write_quality_file(tmp_path, **changes):
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


def test_the_checks_of_every_rule_exist():
    assert [check for check in CHECKS if not callable(getattr(ConnectorContract, check, None))] == []
    assert len({rule.name for rule in RULES}) == len(RULES)


def test_every_check_belongs_to_a_rule():
    checks = {name for name in dir(ConnectorContract) if name.startswith("test_")}
    assert checks - set(CHECKS) == {"test_quality_file_matches_the_checks"}


def test_a_complete_file_has_no_problems(tmp_path):
    assert quality_problems(write_quality_file(tmp_path), CHECKS) == []


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"faults": None}, "'faults' is missing: Every fault becomes the right error."),
        ({"fautls_unknown": '"done"'}, "'fautls' is not a rule; did you mean 'faults'?"),
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
    [found_problem] = quality_problems(write_quality_file(tmp_path, **changes), CHECKS)
    assert problem in found_problem


def test_a_rule_without_applicable_checks_cannot_be_done(tmp_path):
    generated = [check for check in CHECKS if "webhooks" not in check and "kinds" not in check]
    problems = quality_problems(write_quality_file(tmp_path), generated)
    assert any("'webhooks-verified' says done, but none of its checks applies" in problem for problem in problems)
    exempt = '{ status = "exempt", reason = "this vendor sends no webhooks" }'
    problems = quality_problems(write_quality_file(tmp_path, webhooks_verified=exempt), generated)
    assert not any("webhooks-verified" in problem for problem in problems)


def test_a_rule_that_people_review_can_be_todo(tmp_path):
    todo = '{ status = "todo", reason = "the page is being written" }'
    assert quality_problems(write_quality_file(tmp_path, documentation=todo), CHECKS) == []


def test_a_file_that_is_not_toml_is_a_problem(tmp_path):
    path = tmp_path / "quality.toml"
    path.write_text("[rules")
    assert "quality.toml is not TOML" in quality_problems(path, CHECKS)[0]


def test_the_file_is_found_inside_or_next_to_the_package(tmp_path):
    package = tmp_path / "package"
    package.mkdir()
    assert find_quality_file(str(package / "__init__.py")) is None
    next_to_package = write_quality_file(tmp_path)
    assert find_quality_file(str(package / "__init__.py")) == next_to_package
    inside = package / "quality.toml"
    inside.write_text("")
    assert find_quality_file(str(package / "__init__.py")) == inside
    assert find_quality_file(None) is None


def test_the_contract_requires_a_correct_file(contract, findings, tmp_path):
    wrong = write_quality_file(tmp_path, faults=None)
    assert "'faults' is missing" in findings(contract(acme, quality=wrong), "test_quality_file_matches_the_checks")[0]
    assert findings(contract(acme), "test_quality_file_matches_the_checks") == []


def test_a_plugin_without_the_file_fails(contract, make_broken_plugin, findings, tmp_path):
    plugin = make_broken_plugin()
    plugin.__file__ = str(tmp_path / "deeper" / "acme" / "__init__.py")
    assert "no quality.toml in or next to" in findings(contract(plugin), "test_quality_file_matches_the_checks")[0]
