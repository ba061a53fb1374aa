"""Problems: opened with an owner and a deadline, fixed on a day, and judged once by what customers say afterwards."""
