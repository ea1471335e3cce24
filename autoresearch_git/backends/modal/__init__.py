"""Runs on rented GPUs: one Modal Sandbox a run. The SDK is imported here and nowhere else."""
