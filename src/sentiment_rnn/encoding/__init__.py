"""From texts to arrays of token ids."""
