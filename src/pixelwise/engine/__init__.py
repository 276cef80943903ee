"""Running: the training loop, evaluation, prediction, and what they stand on."""
