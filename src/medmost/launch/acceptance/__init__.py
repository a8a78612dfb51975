"""The test programme (`medmost accept`): proves on the configured ends that records cross whole, once and back."""
