"""Field mapping: each system's own document to canonical fields and back, compiled from ``kinds/*.yaml``."""

from medmost.mapping.load import load_mappings, mapping_hash

__all__ = ["load_mappings", "mapping_hash"]
