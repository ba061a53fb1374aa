"""Plans of assistants: stored by the assistant, approved or rejected by a person."""
