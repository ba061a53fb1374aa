"""JMESPath expressions: compiled once, evaluated on parsed JSON. Pure.

The library is imported at the first expression, so that commands without such a connection stay fast.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Protocol


class CompiledExpression(Protocol):
    """A compiled JMESPath expression."""

    def search(self, value: Any) -> Any:  # noqa: ANN401  # JSON
        """Return the value of the expression on JSON content."""


@lru_cache(maxsize=2048)
def compile_expression(text: str) -> CompiledExpression:
    """Return the compiled expression.

    Raises:
        ValueError: not a JMESPath expression.
    """
    import jmespath
    from jmespath.exceptions import JMESPathError

    try:
        compiled: CompiledExpression = jmespath.compile(text)
    except (JMESPathError, RecursionError) as error:
        detail = str(error).strip().partition("\n")[0] or type(error).__name__
        raise ValueError(f"not a JMESPath expression: {detail}") from None
    return compiled


def evaluate(text: str, content: Any) -> Any:  # noqa: ANN401  # JSON
    """Return the value of an expression; None where the content has nothing there or another shape.

    A function that gets a value of a type which it does not take has no value either.
    """
    from jmespath.exceptions import JMESPathError

    try:
        return compile_expression(text).search(content)
    except (JMESPathError, TypeError, ValueError, ArithmeticError, RecursionError):
        return None
