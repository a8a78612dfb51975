"""Record and replay of masked traffic: real exchanges with a system as a file that holds nobody's data."""
