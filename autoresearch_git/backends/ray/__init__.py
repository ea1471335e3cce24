"""Runs on a Ray cluster: `ray` itself is imported by `cluster` alone, when it is needed."""
