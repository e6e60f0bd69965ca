"""Bags of words: what the recurrent networks have to beat."""

from typing import Literal

Baseline = Literal["tfidf", "nbsvm"]
