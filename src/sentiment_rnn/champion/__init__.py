"""What the champion starts from: embeddings of words that stand together, and a linear model of n-grams."""
