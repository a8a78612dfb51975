"""The door of КУ ФЭР: one address for all methods, and a WSDL that names them."""

from __future__ import annotations

from aiohttp import web

from medmost_stand.api import Call, Parameter, Route
from medmost_stand.gosuslugi.fer.dialogue import Refused
from medmost_stand.gosuslugi.fer.envelope import V2, Asked, SoapFault, answer, fault, parse
from medmost_stand.gosuslugi.fer.methods import Methods, refusal_of
from medmost_stand.refusal import Refusal

ADDRESS = "/fer/ErWebService"


class FerService:
    """Answers every call with HTTP 200 and a code inside; what is no call at all with soap:Fault and 400.

    SOAP 1.1 has 500 for every fault; 400 for the caller's (as in SOAP 1.2) keeps 5xx for what is really wrong here.
    """

    def __init__(self, methods: Methods) -> None:
        self._methods = methods

    def routes(self) -> list[Route]:
        action = Parameter("SOAPAction", "header", "Имя метода")
        answers = {200: "Ответ метода", 400: "soap:Fault"}
        return [
            Route("POST", ADDRESS, self.call, "КУ ФЭР «Запись к врачу», SOAP", "open", parameters=(action,),
                  answers=answers, answer_type="text/xml"),
            Route("GET", ADDRESS, self.describe, "WSDL", "open", answers={200: "WSDL"}, answer_type="text/xml"),
        ]  # fmt: skip

    async def call(self, call: Call) -> web.Response:
        try:
            asked = parse(await call.request.read(), call.request.headers.get("SOAPAction", ""))
            method = self._methods.table.get(asked.method)
            if method is None:
                raise SoapFault(f"Метода нет; есть: {', '.join(self._methods.table)}")
        except SoapFault as wrong:
            return _xml(fault(str(wrong)), 400)
        try:
            told = answer(asked, method(asked))
        except Refused as refused:
            return _xml(answer(asked, _error(asked, refused)))
        except Refusal as refusal:
            return _xml(answer(asked, _error(asked, refusal_of(refusal))))
        await self._methods.committed()
        return _xml(told)

    async def describe(self, call: Call) -> web.Response:
        """The operations in one WSDL; messages are open, for their real XSD is not published."""
        address = str(call.request.url.with_query(None))
        names = list(self._methods.table)
        elements = "".join(
            f'<xs:element name="{name}{end}"><xs:complexType><xs:sequence><xs:any minOccurs="0" maxOccurs="unbounded" '
            f'processContents="lax"/></xs:sequence></xs:complexType></xs:element>'
            for name in names
            for end in ("Request", "Response")
        )
        messages = "".join(
            f'<wsdl:message name="{name}{end}"><wsdl:part name="body" element="er:{name}{end}"/></wsdl:message>'
            for name in names
            for end in ("Request", "Response")
        )
        port = "".join(
            f'<wsdl:operation name="{name}"><wsdl:input message="er:{name}Request"/>'
            f'<wsdl:output message="er:{name}Response"/></wsdl:operation>'
            for name in names
        )
        bound = "".join(
            f'<wsdl:operation name="{name}"><soap:operation soapAction="{name}"/><wsdl:input><soap:body use="literal"/>'
            f'</wsdl:input><wsdl:output><soap:body use="literal"/></wsdl:output></wsdl:operation>'
            for name in names
        )
        return _xml(
            (
                f'<?xml version="1.0" encoding="UTF-8"?><wsdl:definitions targetNamespace="{V2}" xmlns:er="{V2}" '
                'xmlns:wsdl="http://schemas.xmlsoap.org/wsdl/" xmlns:soap="http://schemas.xmlsoap.org/wsdl/soap/" '
                f'xmlns:xs="http://www.w3.org/2001/XMLSchema"><wsdl:types><xs:schema targetNamespace="{V2}" '
                f'elementFormDefault="qualified">{elements}</xs:schema></wsdl:types>{messages}'
                f'<wsdl:portType name="ErWebService">{port}</wsdl:portType>'
                '<wsdl:binding name="ErWebServiceSoap" type="er:ErWebService">'
                f'<soap:binding transport="http://schemas.xmlsoap.org/soap/http"/>{bound}</wsdl:binding>'
                '<wsdl:service name="ErWebService"><wsdl:port name="ErWebServiceSoap" binding="er:ErWebServiceSoap">'
                f'<soap:address location="{address}"/></wsdl:port></wsdl:service></wsdl:definitions>'
            ).encode()
        )


def _error(asked: Asked, refused: Refused) -> dict[str, object]:
    detail = {"errorCode": refused.code, "errorMessage": refused.text}
    return {"Session_ID": asked.text("Session_ID"), "Error": {"errorDetail": detail}}


def _xml(body: bytes, status: int = 200) -> web.Response:
    return web.Response(body=body, status=status, content_type="text/xml", charset="utf-8")
