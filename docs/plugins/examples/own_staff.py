"""The smallest connector: our own staff are never surveyed."""

from nps_connect import ConnectionSettings, ConnectorInfo, Contact, Veto, hookimpl


@hookimpl
def nps_connector() -> ConnectorInfo:
    """Describe the plugin."""
    return ConnectorInfo(name="own_staff", title="Own staff", settings=ConnectionSettings)


@hookimpl
def nps_veto_survey(contact: Contact) -> Veto | None:
    """Veto the surveys of addresses of our own domain."""
    is_staff = (contact.email or "").lower().endswith("@shop.example.com")
    return Veto(reason="works for us") if is_staff else None
