"""Baselines: linear classifiers on bags of words, fitted with scikit-learn."""
