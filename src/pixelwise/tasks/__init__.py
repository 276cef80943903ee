"""What a task is: its loss, its results, its metrics."""
