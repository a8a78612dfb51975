"""Collections that files add to both systems (`--collections DIR`): no code knows them by name."""

from medmost_stand.added.files import CollectionErrors, load_collections
from medmost_stand.added.sorts import Added

__all__ = ["Added", "CollectionErrors", "load_collections"]
