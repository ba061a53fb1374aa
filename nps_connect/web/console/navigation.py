"""The navigation of the console: which areas there are, and who sees them."""

from __future__ import annotations

from typing import NamedTuple

from nps_connect.records.users import UserRole, Viewer


def N_(text: str) -> str:  # noqa: N802  # the name by which texts are found for the catalogue
    """Mark a text for the catalogue; it is translated where it is shown."""
    return text


ROLE_LABELS: dict[UserRole, str] = {
    "team_viewer": N_("Sees their own team"),
    "viewer": N_("Sees everything"),
    "case_worker": N_("Works on cases"),
    "admin": N_("Administrator"),
}
"""Roles as people read them, in English."""

ROLE_HINTS: dict[UserRole, str] = {
    "team_viewer": N_("Figures, comments and cases of one team, nothing of the others."),
    "viewer": N_("All figures, comments and cases, without changing anything."),
    "case_worker": N_("Also calls customers, writes notes and solves cases."),
    "admin": N_("Also users, the audit log, and pausing all mail."),
}
"""What each role adds, in English."""


class Area(NamedTuple):
    """An area of the console.

    Attributes:
        name: by which a page says in which area it is.
        path: of its first page.
        label: for the navigation, in English.
        role: the least that a user must have.
        is_secondary: stands in the menu of the user, not in the navigation.
    """

    name: str
    path: str
    label: str
    role: UserRole = "team_viewer"
    is_secondary: bool = False


AREAS = (
    Area("overview", "/console/overview", N_("Overview")),
    Area("explore", "/console/explore", N_("Explore")),
    Area("comments", "/console/comments", N_("Comments")),
    Area("cases", "/console/cases", N_("Cases")),
    Area("problems", "/console/problems", N_("Problems")),
    Area("teams", "/console/teams", N_("Teams")),
    Area("plans", "/console/plans", N_("Plans of assistants"), "admin", is_secondary=True),
    Area("users", "/console/users", N_("Users"), "admin", is_secondary=True),
    Area("staff-figures", "/console/staff-figures", N_("Figures about staff"), "admin", is_secondary=True),
    Area("audit", "/console/audit", N_("Audit log"), "admin", is_secondary=True),
    Area("account", "/console/account", N_("My account"), is_secondary=True),
)
"""In the order of the navigation; the first that a user sees is the home page."""


def visible_areas(viewer: Viewer) -> tuple[Area, ...]:
    """Return the areas that a user sees."""
    return tuple(area for area in AREAS if viewer.has_role(area.role))
