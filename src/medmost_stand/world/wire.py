"""Both wire forms of every collection but requests (see orders.py), from one neutral record: design §6.

Two functions a collection, `<collection>_emias` and `<collection>_gosuslugi`. A life's acts and the seeded world
both go through here, so that equal records are truly equal by the tables of design §6.
"""

from __future__ import annotations

from medmost_stand.world import spelling as say
from medmost_stand.world.model import Body, Record


def policies_emias(record: Record) -> Body:
    return say.present(
        {
            "policyNumber": record["policy_number"],
            "policyType": record["policy_type"],
            "lastName": record["last_name"],
            "firstName": record["first_name"],
            "secondName": record["patronymic"],
            "birthDate": say.iso_date(record["birth_date"]),
            "sex": record["sex"],
            "snils": record["snils"],
            "phone": record["phone"],
            "email": record["email"],
            "insurer": {"code": record["insurer_code"], "name": record["insurer_name"]},
            "validFrom": say.iso_date(record["valid_from"]),
            "validTo": say.iso_date(record["valid_to"]),
            "attachment": {"lpuOid": record["clinic_oid"]},
            "status": record["status"].upper(),
        }
    )


def policies_gosuslugi(record: Record) -> Body:
    return say.present(
        {
            "Номер полиса": record["policy_number"],
            "Вид полиса": say.POLICY_TYPES[record["policy_type"]],
            "Фамилия": record["last_name"],
            "Имя": record["first_name"],
            "Отчество": record["patronymic"],
            "Дата рождения": say.russian_date(record["birth_date"]),
            "Пол": say.SEXES[record["sex"]],
            "СНИЛС": say.russian_snils(record["snils"]),
            "Телефон": say.russian_phone(record["phone"]),
            "Электронная почта": record["email"],
            "Код страховой организации": record["insurer_code"],
            "Страховая организация": record["insurer_name"],
            "Дата выдачи": say.russian_date(record["valid_from"]),
            "Действует до": say.russian_date(record["valid_to"]),
            "Поликлиника прикрепления": record["clinic_oid"],
            "Статус": say.POLICY_STATUSES[record["status"]],
        }
    )


def organizations_emias(record: Record) -> Body:
    return say.present(
        {
            "oid": record["oid"],
            "nameFull": record["full_name"],
            "lpuShortName": record["short_name"],
            "parentOid": record["parent_oid"],
            "type": record["type"],
            "inn": record["inn"],
            "ogrn": record["ogrn"],
            "kpp": record["kpp"],
            "defaultAddress": record["address"],
            "phone": record["phone"],
            "workTime": record["hours"],
            "latitude": record["latitude"],
            "longitude": record["longitude"],
            "deleteDate": say.iso_date(record["deleted_on"]),
        }
    )


def organizations_gosuslugi(record: Record) -> Body:
    return say.present(
        {
            "OID": record["oid"],
            "Полное наименование": record["full_name"],
            "Краткое наименование": record["short_name"],
            "Головная организация": record["parent_oid"],
            "Тип": record["type"],
            "ИНН": record["inn"],
            "ОГРН": record["ogrn"],
            "КПП": record["kpp"],
            "Адрес": record["address"],
            "Телефон": say.russian_phone(record["phone"]),
            "Часы работы": record["hours"],
            "Широта": say.russian_decimal(record["latitude"]),
            "Долгота": say.russian_decimal(record["longitude"]),
            "Действует": say.yes_no(record["deleted_on"] is None),
        }
    )


def schedules_emias(record: Record) -> Body:
    doctor = {
        "snils": record["doctor_snils"],
        "lastName": record["doctor_last_name"],
        "firstName": record["doctor_first_name"],
        "secondName": record["doctor_patronymic"],
    }
    return {
        "scheduleId": record["schedule_id"],
        "doctor": say.present(doctor),
        "arSpecialityId": record["speciality_code"],
        "arSpecialityName": record["speciality_name"],
        "lpuOid": record["organization_oid"],
        "room": {"number": record["room"]},
        "period": {"dateFrom": say.iso_date(record["from_date"]), "dateTo": say.iso_date(record["to_date"])},
        "selfBooking": record["self_booking"],
    }


def schedules_gosuslugi(record: Record) -> Body:
    return say.present(
        {
            "Расписание": record["schedule_id"],
            "СНИЛС врача": say.russian_snils(record["doctor_snils"]),
            "Фамилия врача": record["doctor_last_name"],
            "Имя врача": record["doctor_first_name"],
            "Отчество врача": record["doctor_patronymic"],
            "Код специальности": str(record["speciality_code"]),
            "Специальность": record["speciality_name"],
            "OID организации": record["organization_oid"],
            "Кабинет": record["room"],
            "Период с": say.russian_date(record["from_date"]),
            "Период по": say.russian_date(record["to_date"]),
            "Самозапись": say.yes_no(record["self_booking"]),
        }
    )


def slots_emias(record: Record) -> Body:
    return {
        "scheduleId": record["schedule_id"],
        "startTime": say.iso_time(record["starts_at"]),
        "endTime": say.iso_time(record["ends_at"]),
        "status": record["status"].upper(),
        "receptionType": {"code": record["reception_type"]},
    }


def slots_gosuslugi(record: Record) -> Body:
    return {
        "Расписание": record["schedule_id"],
        "Начало": say.russian_time(record["starts_at"]),
        "Окончание": say.russian_time(record["ends_at"]),
        "Состояние": say.SLOT_STATUSES[record["status"]],
        "Вид приёма": record["reception_type"],
    }


def visits_emias(record: Record) -> Body:
    return say.present(
        {
            "policyNumber": record["policy_number"],
            "lpuOid": record["organization_oid"],
            "doctor": {"snils": record["doctor_snils"]},
            "startTime": say.iso_time(record["starts_at"]),
            "endTime": say.iso_time(record["ends_at"]),
            "scheduleId": record["schedule_id"],
            "roomNumber": record["room"],
            "doctorFio": record["doctor_name"],
            "specialityName": record["speciality_name"],
            "status": record["status"].upper(),
            "cancelReason": record["cancel_reason"],
            "comment": record["comment"],
            "source": record["booked_by"].upper(),
        }
    )


def visits_gosuslugi(record: Record) -> Body:
    return say.present(
        {
            "Номер полиса": record["policy_number"],
            "OID организации": record["organization_oid"],
            "СНИЛС врача": say.russian_snils(record["doctor_snils"]),
            "Начало приёма": say.russian_time(record["starts_at"]),
            "Окончание приёма": say.russian_time(record["ends_at"]),
            "Расписание": record["schedule_id"],
            "Кабинет": record["room"],
            "Врач": record["doctor_name"],
            "Специальность": record["speciality_name"],
            "Статус записи": say.VISIT_STATUSES[record["status"]],
            "Причина отмены": record["cancel_reason"],
            "Комментарий": record["comment"],
            "Кем записан": say.BOOKED_BY[record["booked_by"]],
        }
    )


def results_emias(record: Record) -> Body:
    return say.present(
        {
            "documentId": record["document_id"],
            "policyNumber": record["policy_number"],
            "type": say.CATEGORIES[record["category"]][0],
            "title": record["title"],
            "serviceCode": record["code"],
            "status": record["status"].upper(),
            "collectedAt": say.iso_time(record["taken_at"]),
            "issuedAt": say.iso_time(record["issued_at"]),
            "lpuOid": record["organization_oid"],
            "doctorFio": record["doctor_name"],
            "conclusion": record["conclusion"],
            "documentUrl": record["document_url"],
            "observations": [
                {
                    "code": row["code"],
                    "name": row["name"],
                    "value": say.number(row["value"]),
                    "unit": row["unit"],
                    "low": say.number(row["low"]),
                    "high": say.number(row["high"]),
                    "interpretation": say.FLAGS[row["flag"]][0],
                }
                for row in record["observations"]
            ],
        }
    )


def results_gosuslugi(record: Record) -> Body:
    return say.present(
        {
            "Номер документа": record["document_id"],
            "Номер полиса": record["policy_number"],
            "Категория": say.CATEGORIES[record["category"]][1],
            "Наименование": record["title"],
            "Код услуги": record["code"],
            "Статус": say.RESULT_STATUSES[record["status"]],
            "Дата взятия": say.russian_time(record["taken_at"]),
            "Дата выдачи": say.russian_time(record["issued_at"]),
            "OID организации": record["organization_oid"],
            "Врач": record["doctor_name"],
            "Заключение": record["conclusion"],
            "Ссылка": record["document_url"],
            "Показатели": [
                {
                    "Код": row["code"],
                    "Показатель": row["name"],
                    "Значение": say.russian_decimal(say.number(row["value"])),
                    "Единица": row["unit"],
                    "Нижняя граница": say.russian_decimal(say.number(row["low"])),
                    "Верхняя граница": say.russian_decimal(say.number(row["high"])),
                    "Отклонение": say.FLAGS[row["flag"]][1],
                }
                for row in record["observations"]
            ],
        }
    )


def vaccinations_emias(record: Record) -> Body:
    return say.present(
        {
            "policyNumber": record["policy_number"],
            "infectionName": record["infection"],
            "dateVaccination": say.iso_date(record["date"]),
            "doseNumber": record["dose"],
            "vaccineName": record["vaccine"],
            "series": record["series"],
            "lpuOid": record["organization_oid"],
            "reactionKind": record["reaction"],
        }
    )


def vaccinations_gosuslugi(record: Record) -> Body:
    return say.present(
        {
            "Номер полиса": record["policy_number"],
            "Инфекция": record["infection"],
            "Дата вакцинации": say.russian_date(record["date"]),
            "Доза": str(record["dose"]),
            "Вакцина": record["vaccine"],
            "Серия": record["series"],
            "OID организации": record["organization_oid"],
            "Реакция": record["reaction"],
        }
    )
