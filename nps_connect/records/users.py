"""Users of the console: their roles, and who looks at a page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

UserRole = Literal["team_viewer", "viewer", "case_worker", "admin"]
"""What a user may do; each role may do what the roles before it may, and only the first is bound to a team."""

USER_ROLES: tuple[UserRole, ...] = get_args(UserRole)


@dataclass(frozen=True)
class Viewer:
    """The user who looks at a page of the console.

    Attributes:
        user_id: public id of the user.
        name: as colleagues know the user.
        email: address, by which the user signs in.
        role: what the user may do.
        team: the configured team that a `team_viewer` is bound to; None for every other role.
        language: of the pages; None means that of the browser.
    """

    user_id: str
    name: str
    email: str
    role: UserRole
    team: str | None = None
    language: str | None = None

    def has_role(self, role: UserRole) -> bool:
        """Return whether the user may do what this role may."""
        return USER_ROLES.index(self.role) >= USER_ROLES.index(role)
