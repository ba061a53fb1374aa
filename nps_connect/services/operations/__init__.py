"""Operations: status, explanations, checks and set-up of connections, alarms, retention, simulation."""
