"""Scenes whose truth is known because we drew it: what metrics, losses and models can be falsified with."""
