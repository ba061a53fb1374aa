"""The command line: command path = file path; heavy imports inside the command."""
