"""Cases: detractors to win back, with their tickets, deadlines and recovery."""
