"""What an AI assistant reads, and what it plans for a person to approve."""
