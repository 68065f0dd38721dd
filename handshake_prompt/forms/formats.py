"""Formats of text: dates, times, weeks, addresses, URLs, colours. Each is read in time linear in its length."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime, time
from typing import TypeVar
from unicodedata import normalize

_Moment = TypeVar("_Moment", date, time, datetime)

_CLOCK = "(?:[01][0-9]|2[0-3]):[0-5][0-9]"
_SECONDS = r"(?::[0-5][0-9](?:\.[0-9]{1,9})?)?"
"""With a fraction as fine as any clock's; what is finer than a microsecond does not count in comparisons."""
_DATE = re.compile("[0-9]{4}-[0-9]{2}-[0-9]{2}")
_TIME = re.compile(f"{_CLOCK}{_SECONDS}")
_LOCAL = re.compile(f"{_DATE.pattern}[ T]{_CLOCK}{_SECONDS}")
_DATETIME = re.compile(f"{_LOCAL.pattern}(?:Z|[+-]{_CLOCK})?")
_MONTH = re.compile("[0-9]{4}-[0-9]{2}")
_WEEK = re.compile("([0-9]{4})-W([0-9]{2})")
_COLOR = re.compile("#[0-9A-Fa-f]{6}")

_ATOM = r"[\w!#$%&'*+/=?^`{|}~-]+"
_LABEL = r"(?!-)(?:[A-Za-z0-9-]|[^\x00-\x9f\s\ud800-\udfff]){1,63}(?<!-)"
_EMAIL = re.compile(rf"{_ATOM}(?:\.{_ATOM})*@{_LABEL}(?:\.{_LABEL})*")
_EMAIL_CHARS = 254  # RFC 5321, section 4.5.3.1

_OCTET = "(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
_GROUP = "[0-9A-Fa-f]{1,4}"
_IPV4 = rf"{_OCTET}(?:\.{_OCTET}){{3}}"
_IPV6 = (  # RFC 3986, section 3.2.2, but for the number of groups: see `_is_ipv6`
    rf"(?:{_GROUP}(?::{_GROUP}){{0,6}})?::(?:(?:{_GROUP}:){{0,6}}(?:{_GROUP}|{_IPV4}))?"
    rf"|(?:{_GROUP}:){{6,7}}(?:{_GROUP}|{_IPV4})"
)
_GROUPS = 8
_ZONE = "(?:%25[A-Za-z0-9._~-]+)?"  # RFC 6874
_NOT_IN_URL = r"\x00-\x20\x7f-\x9f\s\\<>\"\ud800-\udfff"
_URL = re.compile(
    rf"""(?i:https?)://
    (?P<authority>
      (?:[^{_NOT_IN_URL}/?\#\[\]]*@)?
      (?: \[(?:(?P<ipv6>{_IPV6}){_ZONE}|v[0-9A-Fa-f]+\.[A-Za-z0-9._~:-]+)\] | [^{_NOT_IN_URL}/?\#\[\]:@]+ )
      (?::(?P<port>[0-9]*))?
    )
    (?:[/?\#][^{_NOT_IN_URL}]*)?""",
    re.VERBOSE,
)
_PORTS = 65_535
_PORT_DIGITS = 5
_DELIMITERS = frozenset("/?#@:")


def as_date(value: object) -> date | None:
    """Return the day that `YYYY-MM-DD` names, None for anything else and for days that do not exist."""
    return _read(value, _DATE, date.fromisoformat)


def as_time(value: object) -> time | None:
    """Return the time of day that `HH:MM` names, None for anything else. Seconds and a fraction may follow."""
    return _read(value, _TIME, time.fromisoformat)


def as_datetime(value: object) -> datetime | None:
    """Return the moment that `YYYY-MM-DD HH:MM` names, None for anything else and for days that do not exist.

    A `T` may stand for the space; seconds, a fraction of up to nine digits and an offset (`Z`, `+02:00`) may follow.
    """
    return _read(value, _DATETIME, datetime.fromisoformat)


def as_local_datetime(value: object) -> datetime | None:
    """Return the moment that `as_datetime` reads, None if it has an offset: a control of a page cannot hold one."""
    return _read(value, _LOCAL, datetime.fromisoformat)


def as_month(value: object) -> date | None:
    """Return the first day of the month that `YYYY-MM` names, None for anything else."""
    return _read(value, _MONTH, lambda text: date.fromisoformat(f"{text}-01"))


def as_week(value: object) -> date | None:
    """Return the first day of the ISO week that `YYYY-Www` names, None for anything else."""
    return _read(value, _WEEK, lambda text: date.fromisocalendar(int(text[:4]), int(text[6:]), 1))


def is_color(value: object) -> bool:
    """Whether `value` is a colour as HTML writes it: `#rrggbb`."""
    return isinstance(value, str) and _COLOR.fullmatch(value) is not None


def is_email(value: object) -> bool:
    """Whether `value` is one email address: unquoted, in any script, with or without a dot in its domain."""
    return isinstance(value, str) and len(value) <= _EMAIL_CHARS and _EMAIL.fullmatch(value) is not None


def is_url(value: object) -> bool:
    """Whether `value` is an http or https URL with a host (RFC 3986), in any script, without white space."""
    found = _URL.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        return False
    authority, port = found["authority"], (found["port"] or "").lstrip("0")
    if not authority.isascii() and _DELIMITERS & set(normalize("NFKC", authority)) - set(authority):
        return False  # a browser would read another host
    if found["ipv6"] and not _is_ipv6(found["ipv6"]):
        return False
    return not found["port"] or (0 < len(port) <= _PORT_DIGITS and int(port) <= _PORTS)


def _is_ipv6(text: str) -> bool:
    """Whether a likely IPv6 address has eight groups, or fewer of which `::` makes eight."""
    groups = text.count(":") + 1 + ("." in text)
    if "::" not in text:
        return groups == _GROUPS
    return groups - 1 - text.startswith("::") - text.endswith("::") < _GROUPS


def _read(value: object, form: re.Pattern[str], read: Callable[[str], _Moment]) -> _Moment | None:
    try:
        return read(value) if isinstance(value, str) and form.fullmatch(value) else None
    except ValueError:  # the form is right, the calendar has no such day
        return None
