"""Formats of text by the names of JSON Schema 2020-12 and of HTML. Each is read in linear time."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Mapping
from typing import NamedTuple

from . import formats

_PCHAR = r"(?:[\w.~!$&'()*+,;=:@-]|%[0-9A-Fa-f]{2})"
_NO_COLON = r"(?:[\w.~!$&'()*+,;=@-]|%[0-9A-Fa-f]{2})"
_NAME = r"(?:[\w.~!$&'()*+,;=-]|%[0-9A-Fa-f]{2})"
_LITERAL = r"\[(?:(?P<ipv6>[0-9A-Fa-f:.]+)|v[0-9A-Fa-f]+\.[\w.~!$&'()*+,;=:-]+)\]"
_AUTHORITY = rf"(?:(?:{_NAME}|:)*@)?(?:{_LITERAL}|{_NAME}*)(?::[0-9]*)?"
_TAIL = rf"(?:\?(?:{_PCHAR}|[/?])*)?(?:\#(?:{_PCHAR}|[/?])*)?"
_HIERARCHY = rf"//{_AUTHORITY}(?:/{_PCHAR}*)*|/(?:{_PCHAR}+(?:/{_PCHAR}*)*)?"
_SCHEME = "[A-Za-z][A-Za-z0-9+.-]*"
_URI = re.compile(rf"{_SCHEME}:(?:{_HIERARCHY}|{_PCHAR}+(?:/{_PCHAR}*)*|){_TAIL}", re.ASCII)  # RFC 3986, appendix A
_RELATIVE = re.compile(rf"(?:{_HIERARCHY}|{_NO_COLON}+(?:/{_PCHAR}*)*|){_TAIL}", re.ASCII)
_UUID = re.compile("[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")  # RFC 9562, section 4
_LABEL = "(?!-)[A-Za-z0-9-]{1,63}(?<!-)"
_HOSTNAME = re.compile(rf"{_LABEL}(?:\.{_LABEL})*\.?")  # RFC 1123, section 2.1
_HOSTNAME_CHARS = 253
_COUNT = "[0-9]++(?:[.,][0-9]++)?"
_DURATION = re.compile(  # ISO 8601, with fractions, as in appendix A of RFC 3339
    rf"[+-]?P(?=[0-9T])(?:{_COUNT}W|(?:{_COUNT}Y)?(?:{_COUNT}M)?(?:{_COUNT}D)?"
    rf"(?:T(?=[0-9])(?:{_COUNT}H)?(?:{_COUNT}M)?(?:{_COUNT}S)?)?)"
)
_CLOCK = r"(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\.[0-9]+)?(?:[Zz]|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])"
_TIME = re.compile(_CLOCK)  # RFC 3339, section 5.6: an offset has to be there
_DATE_TIME = re.compile(rf"([0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}})[Tt]{_CLOCK}")
_COLOR = re.compile(r"\#(?:[0-9A-Fa-f]{3,4}|[0-9A-Fa-f]{6}|[0-9A-Fa-f]{8})|[A-Za-z]+|[A-Za-z-]+\([^()]*\)")


class TextFormat(NamedTuple):
    """A format: its noun in a sentence, and its test of a text."""

    noun: str
    accepts: Callable[[str], bool]


def _matches(form: re.Pattern[str]) -> Callable[[str], bool]:
    return lambda text: form.fullmatch(text) is not None


def _is_uri(text: str, form: re.Pattern[str] = _URI) -> bool:
    found = form.fullmatch(text)
    return found is not None and (found["ipv6"] is None or _is_ipv6(found["ipv6"]))


def _is_uri_reference(text: str) -> bool:
    return _is_uri(text) or _is_uri(text, _RELATIVE)


def _is_ipv4(text: str) -> bool:
    try:
        ipaddress.IPv4Address(text)
    except ValueError:
        return False
    return True


def _is_ipv6(text: str) -> bool:
    try:
        return ipaddress.IPv6Address(text).scope_id is None
    except ValueError:
        return False


def _is_hostname(text: str) -> bool:
    return len(text.removesuffix(".")) <= _HOSTNAME_CHARS and _HOSTNAME.fullmatch(text) is not None


def _is_date_time(text: str) -> bool:
    found = _DATE_TIME.fullmatch(text)
    return found is not None and formats.as_date(found[1]) is not None


_EMAIL = TextFormat("an email address", formats.is_email)

FORMATS: Mapping[str, TextFormat] = {
    "uri": TextFormat("a URI", _is_uri),
    "uri-reference": TextFormat("a URI or a relative reference", _is_uri_reference),
    "uuid": TextFormat("a UUID", _matches(_UUID)),
    "ipv4": TextFormat("an IPv4 address", _is_ipv4),
    "ipv6": TextFormat("an IPv6 address", _is_ipv6),
    "hostname": TextFormat("a host name", _is_hostname),
    "email": _EMAIL,
    "idn-email": _EMAIL,
    "url": TextFormat("an absolute http or https URL", formats.is_url),
    "date": TextFormat("a date (YYYY-MM-DD)", lambda text: formats.as_date(text) is not None),
    "time": TextFormat("a time with an offset (HH:MM:SSZ or HH:MM:SS+HH:MM)", _matches(_TIME)),
    "date-time": TextFormat("a date and time with an offset (YYYY-MM-DDTHH:MM:SSZ)", _is_date_time),
    "duration": TextFormat("a duration (such as P3DT4H)", _matches(_DURATION)),
    "month": TextFormat("a month (YYYY-MM)", lambda text: formats.as_month(text) is not None),
    "week": TextFormat("a week (YYYY-Www)", lambda text: formats.as_week(text) is not None),
    "color": TextFormat("a colour (such as #aabbcc)", _matches(_COLOR)),
}
"""The formats that are checked. Any other name is a hint for people and pages: `tel`, `html`, `markdown`."""
