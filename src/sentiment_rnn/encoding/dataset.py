"""Encoded reviews: flat integer arrays, one file a split."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file, save_file

UNK_ID = 1  # of all words outside the vocabulary; 0 is padding


@dataclass(frozen=True)
class EncodedReviews:
    """Reviews as token ids, one after the other in one array.

    Attributes:
        tokens: int32 [sum of lengths], the ids of all reviews.
        lengths: int32 [reviews], how many of them belong to each review; none is zero.
        labels: int64 [reviews], 1 for positive, 0 for negative.
    """

    tokens: np.ndarray
    lengths: np.ndarray
    labels: np.ndarray

    def __len__(self) -> int:
        return len(self.lengths)

    def save(self, path: Path) -> None:
        """Write the arrays to a safetensors file."""
        save_file({"tokens": self.tokens, "lengths": self.lengths, "labels": self.labels}, path)

    @classmethod
    def load(cls, path: Path) -> "EncodedReviews":
        """Read what save() wrote."""
        return cls(**load_file(path))


def labels_hash(labels: np.ndarray) -> str:
    """Tells one set of reviews from another, however they are encoded: a SHA-256 of their labels in order."""
    return hashlib.sha256(labels.astype(np.uint8).tobytes()).hexdigest()[:16]
