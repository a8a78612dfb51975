"""The synthetic Moscow: people, clinics and their records as two systems know them, differing as planted."""

from medmost_stand.world.build import build_world, part_world, stream_world
from medmost_stand.world.model import MOSCOW, Citizen, Part, Seed, World

__all__ = ["MOSCOW", "Citizen", "Part", "Seed", "World", "build_world", "part_world", "stream_world"]
