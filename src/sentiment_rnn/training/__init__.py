"""Training a variant: once for each seed, with earlier trainings reused."""
