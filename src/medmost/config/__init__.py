"""Configuration: two TOML files, a key file, the environment on top of them. Read once, then only handed on."""

from medmost.config.defaults import write_defaults
from medmost.config.loader import load_config
from medmost.config.settings import Config, Contacts, Person
from medmost.config.shown import describe

__all__ = ["Config", "Contacts", "Person", "describe", "load_config", "write_defaults"]
