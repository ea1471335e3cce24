"""The four stages of the pipe as plain functions: propose, run, review, select."""
