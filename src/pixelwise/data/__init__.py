"""From files to batches: sources find records, the loader reads and augments them, the check finds every fault first."""
