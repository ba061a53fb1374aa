"""The part of a plugin in a first configuration."""

from __future__ import annotations

import re
from typing import Self

from pydantic import Field, model_validator

from nps_connect.records.base import Record


class ExampleQuestion(Record):
    """A value of the example's table that is different for every account; `init` asks the operator for it.

    Attributes:
        key: key of the table; its example value is a text in double quotes.
        text: what to ask, such as `Subdomain of the account`.
        may_stay: the example value may be the real one too.
    """

    key: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    text: str
    may_stay: bool = False


class ExampleConfiguration(Record):
    """The plugin's part of a first configuration, as TOML text; `init` puts the parts together.

    Attributes:
        connection: suggested name of the connection, such as `crm`.
        table: the ``[connections.<name>]`` table with comments, secrets by reference.
        triggers: ``[[triggers]]`` tables that use this connection (may name the survey ``after-purchase``).
        routes: ``[[routes]]`` tables that use this connection.
        environment: variables that the table refers to, with a placeholder value each, for `.env` files and checks.
        questions: what else the operator must fill in.
    """

    connection: str = Field(pattern=r"^[a-z][a-z0-9-]*$")
    table: str
    triggers: str = ""
    routes: str = ""
    environment: dict[str, str] = Field(default_factory=dict)
    questions: tuple[ExampleQuestion, ...] = ()

    @model_validator(mode="after")
    def _questions_have_an_example(self) -> Self:
        for question in self.questions:
            self.value_span(question.key)
        return self

    def value_span(self, key: str) -> tuple[int, int]:
        """Return where the text of a key stands in the table, without its quotes.

        Raises:
            ValueError: the table has no such text.
        """
        match = re.search(rf'^{key} = "([^"\\]*)"', self.table, re.MULTILINE)
        if match is None:
            raise ValueError(f'a question asks for {key}, but the table has no {key} = "..."')
        return match.span(1)

    def example_value(self, key: str) -> str:
        """Return the example value that a question asks for."""
        start, end = self.value_span(key)
        return self.table[start:end]
