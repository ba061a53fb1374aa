"""Delivering: from deliveries that are due to what vendors answered."""
