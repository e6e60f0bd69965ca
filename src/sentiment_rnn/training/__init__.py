"""Training a variant: once for each seed, and never twice."""
