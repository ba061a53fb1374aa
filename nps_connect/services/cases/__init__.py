"""Cases: detractors to be won back."""
