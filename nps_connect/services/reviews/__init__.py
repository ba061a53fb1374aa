"""Reviews: who is invited to which review platform, when, and the figures about it."""
