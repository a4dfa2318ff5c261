"""Samples to train and test on: one file per kind."""
