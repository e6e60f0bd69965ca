"""The study: what params.yaml may hold, and the variants that it spells out."""
