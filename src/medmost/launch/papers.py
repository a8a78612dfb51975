"""What to send to whom: two sheets a person can enter from, or attach to an application."""

from __future__ import annotations

from medmost.launch.access_steps import console_url
from medmost.launch.installation import KEPT, Installation
from medmost.systems.settings import ESIA_SCOPES

SCOPES = tuple(ESIA_SCOPES.split())
"""What linking asks ЕСИА for (design §8; facts/gosuslugi.md §1.9)."""


def redirect_addresses(place: Installation) -> list[str]:
    """Where ЕСИА sends citizens back to after their login."""
    return [f"{console_url(place)}/link/esia"]


def hook_address(place: Installation, side: str) -> str:
    """Where a system sends its notices of changes."""
    return f"{console_url(place)}/hooks/{side}"


def write_papers(place: Installation) -> None:
    """`access/gosuslugi.txt` and `access/emias.txt`, as far as what they tell is known."""
    name, ogrn, inn = (place.value(KEPT, "organization", field) or "—" for field in ("name", "ogrn", "inn"))
    organization = f"Организация / Organization: {name}\nОГРН / OGRN: {ogrn}\nИНН / INN: {inn}\n"
    mnemonic = place.value("systems.toml", "gosuslugi", "client") or "—"
    client = place.value("systems.toml", "emias", "client_id") or "—"
    place.put_paper(
        "gosuslugi.txt",
        f"Регистрация информационной системы на Госуслугах / Registration at Gosuslugi\n\n{organization}"
        f"Мнемоника / Mnemonic: {mnemonic}\n"
        f"Адреса возврата / Redirect addresses: {' '.join(redirect_addresses(place))}\n"
        f"Области доступа / Scopes: {' '.join(SCOPES)}\n"
        f"Уведомления / Webhooks: {hook_address(place, 'gosuslugi')}\n"
        "Запрос на сертификат / Certificate request: gosuslugi.request.pem\n"
        "Нужны в ответ / Needed in return: сертификат (certificate), ключ API (API key)\n",
    )
    place.put_paper(
        "emias.txt",
        f"Заявка на точку интеграции ЕМИАС / Application for an integration point of EMIAS\n\n{organization}"
        f"client_id: {client}\n"
        f"Уведомления / Webhooks: {hook_address(place, 'emias')}\n"
        "Нужны в ответ / Needed in return: client_id, client_secret, ключ API (API key)\n",
    )
