"""`find_lines`: every key, table and list item of a TOML file has its line."""

import tomllib

import pytest

from nps_connect.settings.toml_lines import find_lines

HARD_CASE = '''\
# a comment with [brackets] = "and quotes"
title = "a # that is no comment, a \\" quote, and = signs ]" # [x]
[core]
"quoted.key" = 1
dotted.inner = 'literal # "'
text = """
[not.a.table]
key = 3 ""\\"
"""
literal = \'\'\'
x = ] }
\'\'\'
list = [
  "a", # first
  { env = "NAME" }, [1, 2],
  """
  long ]
""",
]
[[routes]]
on = "any"
[[routes]]
scores = [1,
  2]
[[surveys.a.follow_ups]]
name = "x"
[surveys.a.follow_ups.question]
fr = "?"
[[surveys.a.follow_ups]]
question = { en = "Why?", fr = "Pourquoi ?" }
[connections.crm]
day = 2026-01-31 10:00:00
'''


def leaves(value, path=()):
    yield path
    if isinstance(value, dict):
        for key, item in value.items():
            yield from leaves(item, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from leaves(item, (*path, index))


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("title",), 2),
        (("core",), 3),
        (("core", "quoted.key"), 4),
        (("core", "dotted"), 5),
        (("core", "dotted", "inner"), 5),
        (("core", "text"), 6),
        (("core", "literal"), 10),
        (("core", "list"), 13),
        (("core", "list", 0), 14),
        (("core", "list", 1), 15),
        (("core", "list", 1, "env"), 15),
        (("core", "list", 2, 1), 15),
        (("core", "list", 3), 16),
        (("routes",), 20),
        (("routes", 0, "on"), 21),
        (("routes", 1), 22),
        (("routes", 1, "scores", 1), 24),
        (("surveys", "a", "follow_ups", 0, "name"), 26),
        (("surveys", "a", "follow_ups", 0, "question", "fr"), 28),
        (("surveys", "a", "follow_ups", 1, "question", "fr"), 30),
        (("connections",), 31),
        (("connections", "crm", "day"), 32),
    ],
)
def test_the_line_of_a_key(path, line):
    assert find_lines(HARD_CASE)[path] == line


@pytest.mark.parametrize("ends", ["\n", "\r\n"])
def test_exactly_the_values_of_the_file_have_lines(ends):
    text = HARD_CASE.replace("\n", ends)
    assert set(find_lines(text)) == set(leaves(tomllib.loads(text))) - {()}


def test_mistakes_name_the_line(configuration):
    lines = configuration.path.read_text(encoding="utf-8").splitlines()
    configuration.replace('"ticket.solved"', '"solved"')
    configuration.replace('"open_ticket"', '"open_tickets"')
    configuration.replace('{ env = "SIGNING" }]', '{ env = "ABSENT" }]')
    keys = [lines.index(text) + 1 for text in ('signing_keys = [{ env = "SIGNING" }]', 'on = "ticket.solved"')]
    keys.append(lines.index('do = "open_ticket"') + 1)
    places = [mistake.split(": ")[:2] for mistake in configuration.mistakes(with_lines=True)]
    assert places == [
        [f"nps-connect.toml, line {keys[0]}", "core.signing_keys.1"],
        [f"nps-connect.toml, line {keys[1]}", "triggers.1.on"],
        [f"nps-connect.toml, line {keys[2]}", "routes.2.do"],
    ]


def test_a_missing_key_has_the_line_of_its_table_and_a_missing_table_none(configuration):
    configuration.replace('company = "Exemple SA"\n', "")
    assert configuration.mistakes(with_lines=True) == ["nps-connect.toml, line 1: core.company: is missing"]
    configuration.write("")
    assert configuration.mistakes(with_lines=True) == ["nps-connect.toml: core: is missing"]
