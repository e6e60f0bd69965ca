"""What is fitted before a training, or in place of one: embeddings, n-grams, bags of words."""
