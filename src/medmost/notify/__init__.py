"""Notices to people: which events are worth one, and how they get there."""

from medmost.notify.book import Event, Notice, NoticeBook, decode, encode
from medmost.notify.notifier import Notifier

__all__ = ["Event", "Notice", "NoticeBook", "Notifier", "decode", "encode"]
