"""Several models as one: their log-odds are added up."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from sentiment_rnn.model_json import ModelFolderError, read_metadata
from sentiment_rnn.models.classifier import Classifier, Contribution, Explanation, Floats


class Ensemble(Classifier):
    """A sum of the log-odds of other models, each times its weight; both by the same names."""

    def __init__(self, members: Mapping[str, Classifier], weights: Mapping[str, float]) -> None:
        self.members = members
        self.weights = weights

    def log_odds(self, texts: Sequence[str]) -> Floats:
        """Log-odds of the positive class, one per text."""
        total = np.zeros(len(texts))
        for name, member in self.members.items():
            total += self.weights[name] * member.log_odds(texts)
        return total

    def explain(self, text: str) -> Explanation:
        """What each word adds: the sum over the members. Words of two members that overlap are one."""
        explanations = {name: member.explain(text) for name, member in self.members.items()}
        parts: list[Contribution] = []
        bias = 0.0
        for name, explanation in explanations.items():
            weight = self.weights[name]
            bias += weight * explanation.bias
            for part in explanation.contributions:
                if part.start == part.end:  # the member reads no word
                    bias += weight * part.value
                else:
                    parts.append(replace(part, value=weight * part.value))
        merged: list[Contribution] = []
        for part in sorted(parts, key=lambda part: (part.start, part.end)):
            if merged and part.start < merged[-1].end:
                last = merged.pop()
                value, is_known = last.value + part.value, last.is_known or part.is_known
                merged.append(Contribution(last.start, max(last.end, part.end), value, is_known))
            else:
                merged.append(part)
        return Explanation(text, merged, bias, min(explanation.n_truncated for explanation in explanations.values()))

    def n_truncated(self, texts: Sequence[str]) -> list[int]:
        """For each text the number of words that no member reads."""
        return [
            min(numbers)
            for numbers in zip(*(member.n_truncated(texts) for member in self.members.values()), strict=True)
        ]


def check_weights(folder: Path, weights: object) -> dict[str, float]:
    """The weights of an ensemble, as they are in model.json; its members are the folders next to its own.

    Raises:
        ModelFolderError: they are none, or a member is missing.
    """
    if not isinstance(weights, dict) or not weights or not all(isinstance(value, float) for value in weights.values()):
        raise ModelFolderError(f"{folder}: a damaged model: ensemble {weights!r}")
    for name in weights:
        if "/" in name or "ensemble" in read_metadata(folder.resolve().parent / name):
            raise ModelFolderError(f"{folder}: a damaged model: {name!r} cannot be a member")
    return weights
