"""Bytes to arrays and back, and writing that leaves the old file whole when it fails."""
