"""What a finding of the check means for those who read it, and what they can do: one sentence in each language."""

from __future__ import annotations

from typing import Final

ADVICE: Final[dict[str, tuple[str, str]]] = {
    "UNREACHABLE": (
        "по этому адресу никто не отвечает: проверьте base_url в systems.toml, сеть, VPN и плановые работы системы",
        "nobody answers there: check base_url in systems.toml, the network, a VPN, planned works of the system",
    ),
    "ANSWER": (
        "отвечает не та программа или по другим путям: сверьте адрес и пути в systems.toml с договором",
        "another program answers, or by other paths: compare address and paths in systems.toml with the agreement",
    ),
    "SIGNER": (
        (
            "такую подпись примет только стенд: поставьте модуль ГОСТ (make system) или подключите своё СКЗИ, "
            'signer = "command"'
        ),
        (
            "only a stand takes such a signature: install the GOST engine (make system) or your own means, "
            'signer = "command"'
        ),
    ),
    "SIGNATURE": (
        'подписать не удалось: проверьте файлы ключа и сертификата, а при signer = "command" — саму программу',
        'nothing could be signed: check key and certificate files, with signer = "command" the program itself',
    ),
    "CERTIFICATE": (
        "закажите новый сертификат: medmost access покажет запрос и кому его отправить; выпуск — до двух недель",
        "order a new certificate: medmost access shows the request and whom to send it to; it takes up to two weeks",
    ),
    "TOKEN": (
        (
            "система не узнаёт нас: сверьте ключ API, client_id, секрет и тот ли сертификат загружен в её кабинет; "
            "medmost access покажет, чего не хватает"
        ),
        (
            "the system does not know us: compare API key, client_id, secret and the certificate in its cabinet; "
            "medmost access shows what is missing"
        ),
    ),
    "DENIED": (
        "нас узнали, но не пускают: попросите оператора системы открыть обмен для вашей мнемоники",
        "we are known but not let in: ask the system's operator to open the exchange for your mnemonic",
    ),
    "CLOCK": (
        "настройте службу времени на этой машине; если часы здесь верны, сообщите оператору системы",
        "set up time synchronisation on this machine; if its clock is right, tell the system's operator",
    ),
    "LIST": (
        "этот вид не читается: проверьте, дано ли право на него в договоре, и пути в systems.toml",
        "this kind cannot be read: check whether the agreement gives it to you, and the paths in systems.toml",
    ),
    "SAMPLE": (
        (
            "поля и причины названы: отдельные записи поправят в самой системе, а если не подходит большинство — "
            "правьте таблицу вида в папке kinds/ (medmost mapping try)"
        ),
        (
            "fields and reasons are named: single records are mended in the system itself; where most do not fit, "
            "change the kind's table in kinds/ (medmost mapping try)"
        ),
    ),
    "WEBHOOKS": (
        "изменения будут видны только при опросе: проверьте console.public_url и доступен ли он системе",
        "changes will be seen by polling only: check console.public_url and whether the system can reach it",
    ),
}
"""By the code without its MM-CHECK-; shown with warnings and problems."""
