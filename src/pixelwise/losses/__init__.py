"""Losses on tensors: per pixel and per region."""
