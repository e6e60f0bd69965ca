"""Several models as one: their log-odds are added up."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from sentiment_rnn.model_json import ModelFolderError, read_metadata
from sentiment_rnn.models.classifier import Classifier, Contribution, Explanation, Scores


class Ensemble(Classifier):
    """A sum of the log-odds of other models, each times its weight; both by the same names."""

    def __init__(self, members: Mapping[str, Classifier], weights: Mapping[str, float]) -> None:
        self.members = members
        self.weights = weights

    def scores(self, texts: Sequence[str]) -> Scores:
        """Log-odds of the texts; a word is known that a member knows, and truncated if no member reads it."""
        scores = {name: member.scores(texts) for name, member in self.members.items()}
        log_odds = np.sum([self.weights[name] * of_member.log_odds for name, of_member in scores.items()], axis=0)
        _, has_known_word, n_truncated = zip(*scores.values(), strict=True)
        return Scores(log_odds, np.any(has_known_word, axis=0), np.min(n_truncated, axis=0))

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
