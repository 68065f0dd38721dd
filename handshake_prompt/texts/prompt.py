"""Writer and parser of the handshake prompt, the text that a person pastes into an agent. SPEC.md section 11.

Three invariants hold for every content of a session. The credential lines come first and carry every key the parser
looks for, and the first match wins. Text of the page is quoted, so it never starts a line. URLs and credentials are
narrow enough to stand between quotes in a shell.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any
from urllib.parse import urlsplit

from .local_hosts import is_local
from .prompt_form import VALUE_CHARS, QuotedLines, form_lines, quoted_lines, shorten_text, shorten_value
from .prompt_lines import REQUIRED, checked_lines, checksum, first_lines, had_check, mode_text, read_mode
from .secret import Secret
from .wording import WORDING, Wording

MAX_PROMPT_CHARS = 256 * 1024
"""The longest text `parse_prompt` reads; a prompt is a few KiB, a chat pasted with it a few more."""
_INSTRUCTIONS_CHARS = 16 * 1024
_DATA_FIELDS = 40
"""The text lands on a clipboard and in an agent's context; all values are one request away."""
_DATA_BYTES = 8 * 1024
_KEY_CHARS = 64
_MODE_CHARS = 64
_LONGEST_EXPIRY = 999_999_999

# Every character allowed here is inert between quotes in a shell and in Markdown prose.
_PATH_TEXT = r"(?:/[A-Za-z0-9._~%+@:,=/-]*)?"
_PATH = re.compile(_PATH_TEXT)
_URL = re.compile(rf"((?i:https?)://(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::[0-9]{{1,5}})?)({_PATH_TEXT})")
_SESSION_ID = re.compile(r"[0-9A-Fa-f]{32}")
_TOKEN = re.compile(r"[A-Za-z0-9_-]{16,128}")
_EXPIRY = re.compile(r"([0-9]{1,9})\s*s?")

LANGUAGES = tuple(WORDING)
"""The languages of prompts, the default one first."""


class PromptError(ValueError):
    """The text is not a usable handshake prompt; the message names the fault and the remedy."""


@dataclass(frozen=True, slots=True)
class ParsedPrompt:
    """Credentials and address read from a prompt. The token is masked in the repr.

    Args:
        session_id: 32 hexadecimal digits.
        token: the agent's credential.
        base_url: absolute, without a slash at the end; endpoints are at `base_url + prefix + "/context/..."`.
        prefix: the mount's path; empty for a mount at the root.
        mode: the session's mode as its creator named it; text from outside, not an instruction.
        expires_in: seconds from the making of the prompt, if it says so.
    """

    session_id: str
    token: str = field(repr=False)
    base_url: str
    prefix: str = "/handshake"
    mode: str | None = None
    expires_in: int | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "token", Secret(self.token))


def build_prompt(
    created: Mapping[str, object],
    base_url: str,
    *,
    instructions: str | None = None,
    language: str = "en",
    data: Mapping[str, object] | None = None,
    page: Mapping[str, Any] | None = None,
    again: str | None = None,
    now: datetime | None = None,
) -> str:
    """Write the text that hands one session to an agent.

    Args:
        created: the reply of `create_session`. Its URL members are absolute paths; absent ones are derived from
            `contextUrl`, and `contextUrl` from `base_url` and `/handshake`.
        base_url: the server's public address, `https://host[:port][/root]`. URLs are its origin plus the paths of
            `created`, which have the root already; the root counts only where `contextUrl` is absent.
        instructions: the host application's own words to the agent, shown as they are.
        language: `en` or `zh`.
        data: notes of the page, shown as quoted data, long ones shortened. Leave out sensitive ones.
        page: the members of `GET /context` as the agent gets them, for an agent without network access: fields and
            values are shown as quoted data, within a bound. With a member `code` the prompt asks such an agent for an
            answer to paste back.
        again: the address that gives this text anew, of one that is given in exchange for the code of a pickup.
        now: the time `expiresIn` counts from, with a time zone; the present by default.

    Returns:
        The prompt, with a newline at the end.

    Raises:
        ValueError: an unusable argument; the message names a usable one.
        TypeError: `data` holds a value that JSON cannot express.
    """
    wording = WORDING.get(language)
    if wording is None:
        raise ValueError(f"language {language!r} is not available; use one of {', '.join(WORDING)}")
    address = _split_url(base_url)
    if address is None:
        raise ValueError(
            "base_url must look like https://host[:port][/root], ASCII only (punycode for other hosts), "
            "without user, query or fragment; set public_url to the address agents can reach"
        )
    if again is not None and not is_address(again):
        raise ValueError("again must look like base_url")
    origin, root = address
    session_id, token = _created_member(created, "sessionId", _SESSION_ID), _created_member(created, "token", _TOKEN)
    expires_in = _expires_in(created)
    mount, urls = _endpoint_urls(created, origin, f"{root}/handshake", session_id=session_id)
    # Agents of version 0.2 append /handshake to baseUrl, so it ends before that; other mounts need the prefix.
    base = mount.removesuffix("/handshake") if mount.endswith("/handshake") else ""
    lines = {
        "sessionId": session_id,
        "token": token,
        "baseUrl": origin + base,
        "prefix": mount.removeprefix(base) or "/",
        "mode": mode_text(shorten_text(str(created.get("mode") or "default"), _MODE_CHARS)),
        "expiresIn": f"{expires_in}s",
    }
    host, offline = origin.partition("://")[2], wording.offline[_is_pastable(page)]
    opening = wording.opening[again is not None]
    return wording.text.format(
        host=host,
        opening=opening.format(host=host, origin=origin, until=_format_until(now, expires_in)),
        credentials="\n".join(f"- {key}: {value}" for key, value in {**lines, "check": checksum(lines)}.items()),
        reach=_reach_section(origin, wording),
        asks=_asks_section(instructions, wording),
        form=_form_section(page, origin, wording),
        offline=offline,
        fetching=wording.fetching.format(again=again, offline=offline) if again else "",
        values=_values_section(data, wording),
        mcp=_mcp_section(urls, wording),
        token=token,
        **_endpoint_commands(urls),
    )


def parse_prompt(text: str) -> ParsedPrompt:
    """Read the credentials from a prompt in time linear in its length; text around it does not matter.

    Lines are `- key: value` or `key: value`; the first one of each key counts. In a prompt with a checksum they may be
    wrapped or quoted besides, as chats do.

    Args:
        text: a prompt of this package or of version 0.2.

    Returns:
        The validated credentials.

    Raises:
        PromptError: a line is missing, malformed or changed since it was written, or the text is too long.
    """
    text = Secret(text)  # no frame of ours shows it to an error tracker
    if len(text) > MAX_PROMPT_CHARS:
        raise PromptError(f"The text has more than {MAX_PROMPT_CHARS} characters; paste the handshake prompt alone.")
    found = checked_lines(text)
    if found is None:
        found = first_lines(text)
        _check_complete(text, found)
    expiry = _EXPIRY.fullmatch(found.get("expiresIn", ""))
    parsed = ParsedPrompt(
        session_id=found["sessionId"],
        token=found["token"],
        base_url=found["baseUrl"].rstrip("/"),
        prefix=found.get("prefix", "/handshake").rstrip("/"),
        mode=read_mode(found["mode"]) if "mode" in found else None,
        expires_in=int(expiry[1]) if expiry else None,
    )
    check_credentials(parsed)
    return parsed


def is_prompt(text: str) -> bool:
    """Whether a text is a prompt, readable or not. One that was picked up has the address of its pickup in it."""
    return REQUIRED[0] in text


def check_credentials(parsed: ParsedPrompt) -> None:
    """Accept credentials that a request can be made of.

    Raises:
        PromptError: one of them is malformed.
    """
    wrong = {
        "sessionId (32 hexadecimal digits)": not _SESSION_ID.fullmatch(parsed.session_id),
        "token (16-128 characters of A-Z a-z 0-9 _ -)": not _TOKEN.fullmatch(parsed.token),
        "baseUrl (http:// or https:// and a host)": not is_address(parsed.base_url),
        "prefix (a path that starts with /)": not _PATH.fullmatch(parsed.prefix),
    }
    if any(wrong.values()):
        names = ", ".join(name for name, is_wrong in wrong.items() if is_wrong)
        raise PromptError(f"Malformed {names}; copy the whole handshake prompt from the page again.")


def is_address(url: str) -> bool:
    """Whether a URL can be the `base_url` of a prompt."""
    return _split_url(url) is not None


def _check_complete(text: str, found: Mapping[str, str]) -> None:
    """Accept lines without a right checksum: they have to be a prompt's that was written without one.

    Raises:
        PromptError: they are not.
    """
    if had_check(text, found):
        raise PromptError("The handshake prompt was damaged when it was pasted; copy it from the page again.")
    if missing := [key for key in REQUIRED if key not in found]:
        raise PromptError(f"No line for {', '.join(missing)}; copy the whole handshake prompt from the page again.")


def _split_url(url: str) -> tuple[str, str] | None:
    match = _URL.fullmatch(url)
    return (match[1], match[2].rstrip("/")) if match else None


def _created_member(
    created: Mapping[str, object], name: str, pattern: re.Pattern[str], *, default: str | None = None
) -> str:
    value = created.get(name, default)
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise ValueError(f"created[{name!r}] is missing or malformed; pass the reply of create_session unchanged")
    return value


def _expires_in(created: Mapping[str, object]) -> int:
    value = created.get("expiresIn")
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= _LONGEST_EXPIRY:
        raise ValueError("created['expiresIn'] must be a number of seconds; pass the reply of create_session unchanged")
    return int(value)


def _endpoint_urls(
    created: Mapping[str, object], origin: str, default_prefix: str, *, session_id: str
) -> tuple[str, dict[str, str]]:
    context = _created_member(created, "contextUrl", _PATH, default=f"{default_prefix}/context/{session_id}")
    prefix = context.removesuffix(f"/context/{session_id}")
    if prefix == context:
        raise ValueError("created['contextUrl'] must end with /context/<sessionId>")
    tails = {name: f"{name}/{session_id}" for name in ("action", "diff", "ask")}
    tails["extend"] = f"session/{session_id}/extend"
    paths = {
        name: _created_member(created, f"{name}Url", _PATH, default=f"{prefix}/{tail}") for name, tail in tails.items()
    }
    if "mcpUrl" in created:
        paths["mcp"] = _created_member(created, "mcpUrl", _PATH)
    return prefix, {name: origin + path for name, path in {"context": context, **paths}.items()}


def _format_until(now: datetime | None, expires_in: int) -> str:
    start = now or datetime.now(UTC)
    if start.tzinfo is None:
        raise ValueError("now must have a time zone; pass datetime.now(UTC)")
    return f"{start.astimezone(UTC) + timedelta(seconds=expires_in):%Y-%m-%d %H:%M:%S} UTC"


def _endpoint_commands(urls: Mapping[str, str]) -> dict[str, str]:
    curl = 'curl -sS -m 40 -H "Authorization: Bearer $TOKEN"'
    post = f"{curl} -H 'Content-Type: application/json'"
    return {
        "read": f"{curl} '{urls['context']}'",
        # A quoted here-document takes any value as it is, apostrophes and dollar signs included.
        "write": f"{post} -H 'Idempotency-Key: BATCH-1' \\\n  --data-binary @- '{urls['action']}' <<'JSON'\n"
        '{"actions": [{"type": "set", "key": "FIELD", "value": "VALUE"}]}\nJSON',
        "follow": f"{curl} -G --data-urlencode 'since=CURSOR' -d wait=25 \\\n  '{urls['diff']}'",
        "extend": f"{post} -d '{{\"extraSeconds\": 1800}}' \\\n  '{urls['extend']}'",
        "ask": f"{post} -H 'Idempotency-Key: ASK-1' \\\n  --data-binary @- '{urls['ask']}' <<'JSON'\n"
        '{"text": "QUESTION"}\nJSON',
    }


def _asks_section(instructions: str | None, wording: Wording) -> str:
    if not instructions or not instructions.strip():
        return ""
    if len(instructions) > _INSTRUCTIONS_CHARS:
        raise ValueError(f"instructions have more than {_INSTRUCTIONS_CHARS} characters; shorten them")
    return wording.asks.format(instructions=instructions.strip())


def _form_section(page: Mapping[str, Any] | None, origin: str, wording: Wording) -> str:
    if not page or not (found := form_lines(page)).lines:
        return ""
    form = _quote_section(wording.form, found, wording)
    return form + wording.paste.format(origin=origin, code=page["code"]) if _is_pastable(page) else form


def _is_pastable(page: Mapping[str, Any] | None) -> bool:
    return bool(page and page.get("code") and (page.get("schema") or page.get("context")))


def _values_section(data: Mapping[str, object] | None, wording: Wording) -> str:
    if not data:
        return ""
    facts = ({shorten_text(key, _KEY_CHARS): shorten_value(value, VALUE_CHARS)} for key, value in data.items())
    lines = quoted_lines(islice(facts, _DATA_FIELDS), _DATA_BYTES)
    return _quote_section(wording.values, QuotedLines(lines, len(data) - len(lines)), wording)


def _quote_section(section: str, found: QuotedLines, wording: Wording) -> str:
    text = section.format(lines="\n".join(found.lines))
    return text + wording.left_out.format(count=found.left_out) if found.left_out else text


def _reach_section(origin: str, wording: Wording) -> str:
    return wording.reach.format(origin=origin) if is_local(urlsplit(origin).hostname or "") else ""


def _mcp_section(urls: Mapping[str, str], wording: Wording) -> str:
    url = urls.get("mcp", "")
    return wording.mcp.format(url=url, shared=url.rpartition("/")[0]) if url else ""
