"""What a record costs, each stage beside what it could cost at best: `python -m benchmarks --help`."""
