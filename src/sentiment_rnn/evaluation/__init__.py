"""What the answers of a model on the test reviews are worth."""
