"""Trained models of every kind, to be asked for their answers on texts."""
