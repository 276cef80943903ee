"""Arithmetic on tensors and plain numbers that knows no model and no data set."""
