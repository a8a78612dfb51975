"""Faults put into a system on purpose (`PUT /stand/faults`): which calls they meet and what they do."""

from medmost_stand.faults.draws import Draw, Faults
from medmost_stand.faults.rules import Rule
from medmost_stand.faults.table import EFFECTS, parse_rules

__all__ = ["EFFECTS", "Draw", "Faults", "Rule", "parse_rules"]
