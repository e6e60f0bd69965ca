"""Encoded reviews: flat integer arrays, one file a split."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors import safe_open
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

    def save(self, path: Path, texts_hash: str) -> None:
        """Write the arrays to a safetensors file, with what tells the reviews from others."""
        arrays = {"tokens": self.tokens, "lengths": self.lengths, "labels": self.labels}
        save_file(arrays, path, metadata={"texts_hash": texts_hash})

    @classmethod
    def load(cls, path: Path) -> "EncodedReviews":
        """Read what save() wrote."""
        return cls(**load_file(path))


def hash_of(texts: Iterable[str]) -> str:
    """Tells one set of reviews from another, however they are encoded: a SHA-256 of their texts in order."""
    digest = hashlib.sha256()
    for text in texts:
        digest.update(f"{text}\0".encode())
    return digest.hexdigest()[:16]


def read_texts_hash(path: Path) -> str:
    """What save() was given."""
    with safe_open(path, "np") as file:
        return str(file.metadata()["texts_hash"])
