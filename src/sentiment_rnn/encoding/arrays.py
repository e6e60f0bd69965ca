"""Encoded reviews: flat integer arrays, one file for each part of the split."""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors import safe_open
from safetensors.numpy import save_file

from sentiment_rnn.files import writing

PAD_ID, UNK_ID = 0, 1  # of padding, and of all words outside the vocabulary


@dataclass(frozen=True)
class EncodedReviews:
    """Reviews as token ids, one after the other in one array.

    Attributes:
        tokens: int32 [sum of lengths], the ids of all reviews.
        lengths: int32 [reviews], how many of them belong to each review; none is zero.
        labels: int64 [reviews], 1 for positive, 0 for negative.
        metadata: how they were encoded: stop_words, max_length, and texts_hash, which tells the reviews from others.
    """

    tokens: NDArray[np.int32]
    lengths: NDArray[np.int32]
    labels: NDArray[np.int64]
    metadata: dict[str, str] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.lengths)

    def save(self, path: Path) -> None:
        """Write a safetensors file."""
        arrays = {name: getattr(self, name) for name in ("tokens", "lengths", "labels")}
        with writing(path):  # one entry: safetensors writes several in random order
            save_file(arrays, path, {"metadata": json.dumps(self.metadata, sort_keys=True)})

    @classmethod
    def load(cls, path: Path) -> "EncodedReviews":
        """Read a file that save() wrote."""
        with safe_open(path, "np") as file:
            arrays = {name: file.get_tensor(name) for name in ("tokens", "lengths", "labels")}
            return cls(**arrays, metadata=json.loads(file.metadata()["metadata"]))


def texts_hash(texts: Iterable[str]) -> str:
    """The first 16 hex digits of the SHA-256 of the texts in order."""
    digest = hashlib.sha256()
    for text in texts:
        digest.update(f"{text}\0".encode())
    return digest.hexdigest()[:16]
