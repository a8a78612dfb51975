"""A broker's troubles in words. None of them holds an address with its password."""

from __future__ import annotations

from medmost.domain.errors import Fatal, Transient


def lost(broker: str, why: str) -> Transient:
    return Transient(
        "MM-QUEUE-LOST",
        f"{broker} не отвечает ({why}): доставка идёт прямо из базы состояния, ничего не теряется",
        f"{broker} does not answer ({why}): deliveries go straight from the state database, nothing is lost",
    )


def shut_out(broker: str) -> Transient:
    return Transient(
        "MM-QUEUE-ACCESS",
        f"{broker} не принимает имя или пароль: проверьте queue.url; пока доставка идёт прямо из базы состояния",
        f"{broker} refuses the name or password: check queue.url; deliveries go straight from the state meanwhile",
    )


def full(broker: str) -> Transient:
    return Transient(
        "MM-QUEUE-FULL",
        f"{broker} переполнен и не принимает сообщения: доставка идёт прямо из базы состояния",
        f"{broker} is full and takes no messages: deliveries go straight from the state database",
    )


def unlike(broker: str, what: str, why: str) -> Fatal:
    return Fatal(
        "MM-QUEUE-TOPOLOGY",
        f"{broker}: «{what}» уже есть, но устроена иначе ({why}). Удалите её (в ней только ссылки, ничего не "
        "пропадёт) или задайте другой queue.prefix",
        f"{broker}: {what!r} is there but is not as it has to be ({why}). Delete it (it holds references only, nothing "
        "gets lost) or set another queue.prefix",
    )
