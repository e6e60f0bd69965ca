"""Evaluating trained models: predictions, metrics, calibration."""
