"""The console: health, metrics, the public API, webhooks and the pages (contracts §3)."""
