"""Load: traces, windows, synthetic generators and arrival processes."""
