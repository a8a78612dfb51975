"""The fields EMIAS checks, by the names of design.md §6 (column E); other fields are kept unchecked."""

from __future__ import annotations

from medmost_stand import formats as f
from medmost_stand.dialect import Field, Form, VisitWords

_SNILS = f.pattern(r"\d{11}", "СНИЛС из 11 цифр")
_PHONE = f.pattern(r"\+7\d{10}", "телефон вида +79102206415")
_STATUSES = ("BOOKED", "ARRIVED", "FULFILLED", "NOSHOW", "CANCELLED", "REJECTED")

_POLICIES = Form(
    "policies",
    (
        Field("policyNumber", f.POLICY, required=True),
        Field("policyType", f.codes("1", "2", "3"), required=True),
        Field("lastName", f.TEXT, required=True),
        Field("firstName", f.TEXT, required=True),
        Field("secondName", f.TEXT),
        Field("birthDate", f.ISO_DATE, required=True),
        Field("sex", f.codes("M", "F"), required=True),
        Field("snils", _SNILS),
        Field("phone", _PHONE),
        Field("email", f.EMAIL),
        Field("insurer.code", f.IDENTIFIER),
        Field("insurer.name", f.TEXT),
        Field("validFrom", f.ISO_DATE),
        Field("validTo", f.ISO_DATE),
        Field("attachment.lpuOid", f.OID),
        Field("status", f.codes("ACTIVE", "CLOSED"), required=True),
    ),
    key=("policyNumber",),
    unique=True,
)
_ORGANIZATIONS = Form(
    "organizations",
    (
        Field("oid", f.OID, required=True),
        Field("nameFull", f.TEXT, required=True),
        Field("lpuShortName", f.TEXT),
        Field("parentOid", f.OID),
        Field("inn", f.INN),
        Field("ogrn", f.OGRN),
        Field("kpp", f.KPP),
        Field("latitude", f.NUMBER),
        Field("longitude", f.NUMBER),
        Field("deleteDate", f.ISO_DATE_OR_TIME),
    ),
    key=("oid",),
    unique=True,
)
_SCHEDULES = Form(
    "schedules",
    (
        Field("scheduleId", f.IDENTIFIER, required=True),
        Field("doctor.snils", _SNILS, required=True),
        Field("doctor.lastName", f.TEXT, required=True),
        Field("doctor.firstName", f.TEXT, required=True),
        Field("doctor.secondName", f.TEXT),
        Field("arSpecialityId", f.INTEGER),
        Field("arSpecialityName", f.TEXT),
        Field("lpuOid", f.OID, required=True, refers="organizations"),
        Field("room.number", f.IDENTIFIER),
        Field("period.dateFrom", f.ISO_DATE),
        Field("period.dateTo", f.ISO_DATE),
        Field("selfBooking", f.FLAG),
    ),
    key=("scheduleId",),
    unique=True,
)
_SLOTS = Form(
    "slots",
    (
        Field("scheduleId", f.IDENTIFIER, required=True, refers="schedules"),
        Field("startTime", f.ISO_TIME, required=True),
        Field("endTime", f.ISO_TIME),
        Field("status", f.codes("FREE", "BUSY", "CLOSED"), required=True),
        Field("receptionType.code", f.IDENTIFIER),
    ),
    key=("scheduleId", "startTime"),
    unique=True,
)
_VISITS = Form(
    "visits",
    (
        Field("policyNumber", f.POLICY, required=True, refers="policies"),
        Field("lpuOid", f.OID, required=True, refers="organizations"),
        Field("doctor.snils", _SNILS, required=True),
        Field("startTime", f.ISO_TIME, required=True),
        Field("endTime", f.ISO_TIME),
        Field("scheduleId", f.IDENTIFIER),
        Field("roomNumber", f.IDENTIFIER),
        Field("doctorFio", f.TEXT),
        Field("specialityName", f.TEXT),
        Field("status", f.codes(*_STATUSES), required=True),
        Field("cancelReason", f.TEXT),
        Field("comment", f.TEXT),
        Field("source", f.codes("PORTAL", "REGISTRY", "DOCTOR")),
    ),
    key=("policyNumber", "lpuOid", "doctor.snils", "startTime"),
    unique=False,
)
_RESULTS = Form(
    "results",
    (
        Field("documentId", f.IDENTIFIER, required=True),
        Field("policyNumber", f.POLICY, required=True, refers="policies"),
        Field("type", f.codes("LAB", "DIAG"), required=True),
        Field("title", f.TEXT, required=True),
        Field("serviceCode", f.IDENTIFIER),
        Field("status", f.codes("FINAL", "PRELIMINARY", "CANCELLED"), required=True),
        Field("collectedAt", f.ISO_DATE_OR_TIME),
        Field("issuedAt", f.ISO_DATE_OR_TIME),
        Field("lpuOid", f.OID),
        Field("observations", f.ITEMS),
    ),
    key=("documentId",),
    unique=True,
)
_VACCINATIONS = Form(
    "vaccinations",
    (
        Field("policyNumber", f.POLICY, required=True, refers="policies"),
        Field("infectionName", f.TEXT, required=True),
        Field("dateVaccination", f.ISO_DATE, required=True),
        Field("doseNumber", f.IDENTIFIER, required=True),
        Field("lpuOid", f.OID),
    ),
    key=("policyNumber", "infectionName", "dateVaccination", "doseNumber"),
    unique=False,
)
_REQUESTS = Form(
    "requests",
    (
        Field("orderId", f.IDENTIFIER, required=True),
        Field("serviceCode", f.IDENTIFIER),
        Field("policyNumber", f.POLICY, required=True, refers="policies"),
        Field("submittedAt", f.ISO_TIME),
        Field("statusId", f.INTEGER, required=True),
        Field("statusAt", f.ISO_TIME),
        Field("final", f.FLAG),
        Field("files", f.ITEMS),
        Field("history", f.ITEMS),
    ),
    key=("orderId",),
    unique=True,
)

FORMS = {
    form.collection: form
    for form in (
        _POLICIES,
        _ORGANIZATIONS,
        _SCHEDULES,
        _SLOTS,
        _VISITS,
        _RESULTS,
        _VACCINATIONS,
        _REQUESTS,
    )
}

VISIT = VisitWords(
    status="status",
    booked="BOOKED",
    live=frozenset({"BOOKED", "ARRIVED"}),
    onward={
        "BOOKED": frozenset({"ARRIVED", "FULFILLED", "NOSHOW", "CANCELLED", "REJECTED"}),
        "ARRIVED": frozenset({"FULFILLED", "NOSHOW"}),
        "FULFILLED": frozenset(),
        "NOSHOW": frozenset(),
        "CANCELLED": frozenset(),
        "REJECTED": frozenset(),
    },
    schedule="scheduleId",
    start="startTime",
    slot_schedule="scheduleId",
    slot_start="startTime",
    slot_status="status",
    free="FREE",
    busy="BUSY",
    cancelled="CANCELLED",
    rejected="REJECTED",
    cancel_reason="cancelReason",
    period_from="period.dateFrom",
    period_to="period.dateTo",
    keeps_grid=True,
)
