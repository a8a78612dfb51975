"""What values may be, beyond their type: each rule names its setting and says what is allowed."""

from __future__ import annotations

import difflib
import ipaddress
import re
from urllib.parse import urlsplit

from medmost.config.settings import EVENTS, Config, allowed_stages, known_kinds
from medmost.config.shape import Place
from medmost.config.troubles import Key, Troubles
from medmost.domain.windows import parse

BROKERS = ("amqp", "amqps", "kafka", "kafkas")
_PREFIX = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]{0,59}")


class Rules:
    def __init__(self, config: Config, place: Place, troubles: Troubles) -> None:
        self.config = config
        self.place = place
        self.troubles = troubles

    def check(self) -> None:
        self._stores()
        self._numbers()
        self._stages()
        self._contacts()
        self._systems()

    def _bad(self, key: Key, ru: str, en: str, code: str = "MM-CFG-VALUE") -> None:
        self.troubles.add(code, self.place(key), ru, en)

    def _stores(self) -> None:
        url = self.config.state.url
        if url.startswith("postgresql://"):
            if urlsplit(url).password and "MEDMOST_" not in self.place(("state", "url"))[1]:
                ru = 'пароль нельзя писать в файл настроек: укажите state.password = "file:secrets/…" или "env:ИМЯ"'
                en = 'a password may not stand in the settings: write state.password = "file:secrets/…" or "env:NAME"'
                self._bad(("state", "url"), ru, en, "MM-CFG-SECRET")
        elif not url.startswith("sqlite:///") or url == "sqlite:///":
            ru = "можно: sqlite:///ФАЙЛ или postgresql://ПОЛЬЗОВАТЕЛЬ@СЕРВЕР/БАЗА"
            self._bad(("state", "url"), ru, "allowed: sqlite:///FILE or postgresql://USER@HOST/DATABASE")
        self._queue()

    def _queue(self) -> None:
        """The value itself is not shown: it may hold a password."""
        queue = self.config.queue
        if queue.url != "embedded:":
            try:
                parts = urlsplit(queue.url)
                usable = parts.scheme in BROKERS and bool(parts.hostname)
                if usable and parts.scheme.startswith("amqp"):
                    usable = parts.port != 0
            except ValueError:
                usable = False
            if not usable:
                told = "embedded:, amqp://, amqps://, kafka://, kafkas://"
                ru, en = f"можно: {told} (имя:пароль@узел:порт)", f"allowed: {told} (name:password@host:port)"
                self._bad(("queue", "url"), ru, en)
        if not _PREFIX.fullmatch(queue.prefix):
            ru, en = "латинские буквы, цифры, точка, дефис, до 60", "Latin letters, digits, dots, hyphens, up to 60"
            self._bad(("queue", "prefix"), ru, en)

    def _numbers(self) -> None:
        config = self.config
        if not 0 <= config.console.port <= 65535:
            self._bad(("console", "port"), "порт — число от 0 до 65535", "a port is a number from 0 to 65535")
        if not config.poll.min > 0:
            self._bad(("poll", "min"), "секунды, больше нуля", "seconds, more than zero")
        elif config.poll.max < config.poll.min:
            ru = f"секунды, не меньше poll.min ({config.poll.min:g})"
            self._bad(("poll", "max"), ru, f"seconds, not less than poll.min ({config.poll.min:g})")
        if config.notices.quiet < 0:
            self._bad(("notices", "quiet"), "секунды, от нуля", "seconds, zero or more")
        if config.deliver.in_flight < 1:
            self._bad(("deliver", "in_flight"), "целое число от 1", "a whole number from 1")
        if not config.deliver.deadline > 0:
            self._bad(("deliver", "deadline"), "секунды, больше нуля", "seconds, more than zero")

        brakes = self.config.brakes
        for name in brakes.__struct_fields__:
            most = 100 if name.endswith("percent") else 1_000_000
            if not 0 <= getattr(brakes, name) <= most:
                self._bad(("brakes", name), f"целое число от 0 до {most}", f"a whole number from 0 to {most}")

    def _stages(self) -> None:
        kinds = known_kinds(self.config.folder)
        for kind, stage in self.config.stages.items():
            if kind not in kinds:
                near = difflib.get_close_matches(kind, kinds, n=1)
                ru = "такого вида записей нет; " + (f"может быть, «{near[0]}»? " if near else "")
                en = "no such kind of records; " + (f"did you mean `{near[0]}`? " if near else "")
                names = ", ".join(kinds)
                self._bad(("stages", kind), f"{ru}есть: {names}", f"{en}there are: {names}", "MM-CFG-UNKNOWN")
            elif stage not in allowed_stages(kind):
                names = ", ".join(allowed_stages(kind))
                self._bad(("stages", kind), f"такого этапа нет; есть: {names}", f"no such stage: {names}")

    def _contacts(self) -> None:
        for number, person in enumerate(self.config.contacts.people):
            key: Key = ("contacts", "people", number)
            if not person.urls:
                ru, en = "нужен хотя бы один адрес", "at least one address is needed"
                self._bad((*key, "urls"), ru, en)
            for url in person.urls:
                if "://" not in url:
                    ru = "адрес пишется со схемой, например mailto://почта-сервер?to=…, или file:/env:"
                    en = "an address needs its scheme, as in mailto://mail-server?to=…, or file:/env:"
                    self._bad((*key, "urls"), ru, en)
            for window in person.duty:
                if parse(window) is None:
                    ru = "время дежурства вида «daily 08:00-20:00» или «sat 09:00-18:00», по Москве"
                    self._bad((*key, "duty"), ru, "a duty is written `daily 08:00-20:00`, in Moscow time")
            if person.after < 0:
                self._bad((*key, "after"), "минуты, не меньше нуля", "minutes, not less than zero")
            for event in set(person.events or ()) - set(EVENTS):
                names = ", ".join(EVENTS)
                ru = f"события «{event}» нет; есть: {names}"
                self._bad((*key, "events"), ru, f"there is no event `{event}`; there are: {names}")

        night, heartbeat = self.config.notices.night, self.config.notices.heartbeat
        if night and parse(night) is None:
            self._bad(("notices", "night"), "окно вида «daily 23:00-07:00»", "a window like `daily 23:00-07:00`")
        if heartbeat and not heartbeat.startswith(("http://", "https://")):
            self._bad(("notices", "heartbeat"), "адрес http:// или https://", "an address with http:// or https://")

    def _systems(self) -> None:
        stand = self.config.environment.name == "stand"
        for side in ("gosuslugi", "emias"):
            settings = getattr(self.config.systems, side)
            if (settings.environment == "stand") != stand:
                ru = "стенд и настоящая среда не смешиваются; здесь должно быть то же, что в environment.name"
                en = "the stand and a real environment do not mix; write the same as in environment.name"
                self._bad(("systems", side, "environment"), ru, en, "MM-CFG-STAND")
            for window in settings.maintenance:
                if parse(window) is None:
                    ru = "окно работ вида «daily 02:00-04:00» или «sun 01:00-05:00», по Москве"
                    en = "a window is written `daily 02:00-04:00` or `sun 01:00-05:00`, in Moscow time"
                    self._bad(("systems", side, "maintenance"), ru, en)
            kind, _, ref = settings.canary.partition("/")
            if settings.canary and not (kind and ref):
                ru, en = "вид и номер записи через косую черту: policy/ID", "kind and id of a record: policy/ID"
                self._bad(("systems", side, "canary"), ru, en)
            self._address(("systems", side, "base_url"), settings.base_url, stand)
        self._signer()

    def _signer(self) -> None:
        ours = self.config.systems.gosuslugi
        missing = "command" if ours.signer == "command" and not ours.command else ""
        missing = "key" if ours.signer != "command" and not ours.key else missing
        if missing:
            ru = f'для signer = "{ours.signer}" эта настройка обязательна'
            en = f'signer = "{ours.signer}" needs this setting'
            self._bad(("systems", "gosuslugi", missing), ru, en, "MM-CFG-MISSING")

    def _address(self, key: Key, url: str, stand: bool) -> None:
        """Facts: reliability §3.6. The value itself is not shown: it may hold a password."""
        try:
            parts = urlsplit(url)
            usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        except ValueError:
            usable = False
        if not usable or parts.query or parts.fragment or parts.username is not None:
            ru = "адрес вида https://имя[:порт][/путь], без пароля и параметров"
            self._bad(key, ru, "an address like https://name[:port][/path], without password or parameters")
        elif stand and not is_loopback(parts.hostname or ""):
            ru = "настройки стенда могут вести только на эту машину (127.0.0.1, ::1, localhost)"
            en = "settings of a stand may only lead to this machine (127.0.0.1, ::1, localhost)"
            self._bad(key, ru, en, "MM-CFG-STAND")
        elif not stand and is_loopback(parts.hostname or ""):
            ru = 'на эту машину ведут только настройки стенда: environment.name = "stand"'
            en = 'only settings of a stand lead to this machine: environment.name = "stand"'
            self._bad(key, ru, en, "MM-CFG-STAND")
        elif not stand and parts.scheme != "https":
            self._bad(key, "вне стенда можно только https://", "outside a stand only https:// is allowed")


def is_loopback(host: str) -> bool:
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
