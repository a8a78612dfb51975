"""medmost keeps Gosuslugi and EMIAS in step, in both directions, all the time."""

__version__ = "0.1.0"
