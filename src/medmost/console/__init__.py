"""The console: health, metrics, the public API, webhooks and the first page (contracts §3)."""

from medmost.console.app import make_console
from medmost.console.ports import Attention, ConsolePorts
from medmost.console.server import serve

__all__ = ["Attention", "ConsolePorts", "make_console", "serve"]
