"""SOAP 1.1 in and out: which method, in which namespace, with which fields. XML from outside resolves nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lxml import etree

SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
ADDRESSING = "http://www.w3.org/2005/08/addressing"
V2, V1, HOUSE = "http://www.rt-eu.ru/med/er/v2_0", "http://www.rt-eu.ru/med/er/", "http://www.rt-eu.ru/med/hc/"
NAMESPACES = (V2, V1, HOUSE)

Values = str | Mapping[str, Any] | Sequence[Mapping[str, Any]] | None
"""What stands in an element: text, elements by name, or several elements of one name."""


class SoapFault(Exception):
    """What is not a call at all; answered as soap:Fault."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A call: the method without «Request», the namespace its answer goes back in, the fields as a tree of names."""

    method: str
    namespace: str
    fields: etree._Element
    message_id: str | None

    def text(self, *path: str) -> str:
        """The text under the first element at this path, in whatever namespace; empty where there is none."""
        found = self.texts(*path)
        return found[0] if found else ""

    def texts(self, *path: str) -> list[str]:
        """The same of all elements at the path."""
        steps = "/".join(f"*[local-name()='{step}']" for step in path)
        found = self.fields.xpath(f"./{steps}")
        return [(one.text or "").strip() for one in found] if isinstance(found, list) else []

    def anywhere(self, name: str) -> list[str]:
        """The texts of all elements of a name, as deep as they are: clients wrap lists in different ways."""
        return [(one.text or "").strip() for one in self.fields.iter(f"{{*}}{name}")]


def parse(raw: bytes, action: str) -> Asked:
    """Reads a call; SoapFault for what is none."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        root = etree.fromstring(raw, parser)
    except (etree.XMLSyntaxError, ValueError):
        raise SoapFault("Тело не разбирается как XML") from None
    body = root.find(f"{{{SOAP}}}Body")
    first = None if body is None else next((one for one in body if isinstance(one.tag, str)), None)
    if first is None:
        raise SoapFault("Нужен конверт SOAP 1.1 с одним элементом в Body")
    name = etree.QName(first)
    method = name.localname.removesuffix("Request") or action.strip('"').rpartition("/")[2]
    namespace = name.namespace if name.namespace in NAMESPACES else V2
    found = root.find(f".//{{{ADDRESSING}}}MessageID")
    return Asked(method, namespace or V2, first, None if found is None else found.text)


def answer(asked: Asked, fields: Mapping[str, Any]) -> bytes:
    """`<Method>Response` in the namespace of the call, related to its MessageID."""
    envelope = etree.Element(f"{{{SOAP}}}Envelope", nsmap={"soap": SOAP, None: asked.namespace})
    if asked.message_id:
        header = etree.SubElement(envelope, f"{{{SOAP}}}Header")
        etree.SubElement(header, f"{{{ADDRESSING}}}RelatesTo").text = asked.message_id
    body = etree.SubElement(envelope, f"{{{SOAP}}}Body")
    _fill(etree.SubElement(body, f"{{{asked.namespace}}}{asked.method}Response"), asked.namespace, fields)
    return bytes(etree.tostring(envelope, xml_declaration=True, encoding="UTF-8"))


def fault(text: str) -> bytes:
    """A soap:Fault of the caller."""
    envelope = etree.Element(f"{{{SOAP}}}Envelope", nsmap={"soap": SOAP})
    inner = etree.SubElement(etree.SubElement(envelope, f"{{{SOAP}}}Body"), f"{{{SOAP}}}Fault")
    etree.SubElement(inner, "faultcode").text = "soap:Client"
    etree.SubElement(inner, "faultstring").text = text
    return bytes(etree.tostring(envelope, xml_declaration=True, encoding="UTF-8"))


def _fill(element: etree._Element, namespace: str, fields: Mapping[str, Any]) -> None:
    for name, value in fields.items():
        several = value if isinstance(value, list | tuple) else [value]
        for one in several:
            if one is None:
                continue
            inner = etree.SubElement(element, f"{{{namespace}}}{name}")
            if isinstance(one, Mapping):
                _fill(inner, namespace, one)
            else:
                inner.text = str(one)
