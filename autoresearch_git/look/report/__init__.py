"""The report: one HTML page that holds its data, its script and its style, and asks for nothing."""
