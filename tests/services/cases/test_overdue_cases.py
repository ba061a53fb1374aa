"""Overdue cases and ticket priorities."""

from __future__ import annotations

from support.recovery_scenarios import case_of, create_detractor_case, send_ticket_event


class TestOverdue:
    def alerts(self, application):
        return [alert for alert in application.bell.items if alert.title.startswith("En retard")]

    def test_staff_is_alerted_once_after_the_deadline(self, application):
        case = create_detractor_case(application)
        application.clock.forward("23h")
        application.run()
        assert self.alerts(application) == []
        for _ in range(3):
            application.clock.forward("2d")
            application.run()
        (alert,) = self.alerts(application)
        assert "Marie" in alert.title or "marie@example.com" in alert.title
        assert "ticket est toujours ouvert" in alert.body
        assert case_of(application).overdue_notified_at > case.deadline

    def test_a_solved_case_is_not_overdue(self, application):
        create_detractor_case(application)
        send_ticket_event(application, "ticket.solved")
        application.clock.forward("5d")
        application.run()
        assert self.alerts(application) == []

    def test_the_alert_can_be_switched_off(self, build):
        application = build(cases={"alert_when_overdue": False})
        create_detractor_case(application)
        application.clock.forward("5d")
        application.run()
        assert self.alerts(application) == []

    def test_cases_of_a_helpdesk_without_events_raise_no_alert(self, build):
        application = build(connections={"helpdesk": {"plugin": "desk", "events": "none"}}, recovery={})
        create_detractor_case(application)
        application.clock.forward("5d")
        application.run()
        assert self.alerts(application) == []

    def test_without_an_alert_route_the_alert_goes_to_the_fallback_address(self, build):
        routes = [{"on": "detractor", "do": "open_ticket", "via": "helpdesk"}]
        application = build(routes=routes)
        create_detractor_case(application)
        application.clock.forward("5d")
        application.run()
        (mail,) = application.post.sent("fallback")
        assert mail.to.email == "care@example.com"
        assert "ticket est toujours ouvert" in mail.text


def test_priorities_are_configurable(build):
    application = build(cases={"urgent_up_to": 0, "high_up_to": 2})
    create_detractor_case(application, 1)
    assert application.desk.items[0].priority == "high"
