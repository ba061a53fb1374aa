"""What the change of a configuration changes for people, vendors and staff: compared by behaviour, not by keys."""
