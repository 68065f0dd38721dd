"""The credential lines of a prompt: what a chat may do to them, and what is told as damage."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

import handshake_prompt_agent as old_agent
import pytest
from hypothesis import given, strategies as st

from handshake_prompt.texts.prompt import MAX_PROMPT_CHARS, ParsedPrompt, PromptError, build_prompt, parse_prompt
from handshake_prompt.texts.prompt_lines import CHECK, KEYS, checked_lines, checksum, first_lines
from tests.support.cost import counting_cost

SESSION_ID = "0123456789abcdef0123456789abcdef"
TOKEN = "-t_0" + "k-K_" * 6 + "k_k-"
ORIGIN = "https://shop.example:8443"
CREATED = {
    "sessionId": SESSION_ID,
    "token": TOKEN,
    "mode": "form-fill",
    "contextUrl": f"/api/v-1/pair/context/{SESSION_ID}",
    "expiresIn": 1800,
}
LANGUAGES = ("en", "zh")


def prompt(language: str = "en", **members: object) -> str:
    return build_prompt({**CREATED, **members}, ORIGIN, language=language, data={"note": "token: x, check: 0123abcd"})


PROMPT = prompt()
WHOLE = parse_prompt(PROMPT)
LINES = [line for line in PROMPT.splitlines() if re.match(rf"- (?:{'|'.join((*KEYS, CHECK))}): ", line)]
START = PROMPT.index(LINES[0])
END = PROMPT.index(LINES[-1]) + len(LINES[-1])


def damaged(texts: list[str]) -> list[ParsedPrompt]:
    """What is read of texts without an error, and is not what was written."""
    found = []
    for text in texts:
        with suppress(PromptError):
            found.append(parse_prompt(text))
    return [one for one in found if one != WHOLE]


def block(change: Callable[[str], str]) -> str:
    """The prompt with its credential lines changed."""
    return PROMPT[:START] + change(PROMPT[START:END]) + PROMPT[END:]


def test_the_six_lines_come_first_and_their_check_right_behind_them() -> None:
    assert [line[2:].partition(":")[0] for line in LINES] == [*KEYS, "check"]
    assert PROMPT[START:END] == "\n".join(LINES)


def test_the_check_is_the_crc_32_of_the_values() -> None:
    # Known answer: printf '%s' … | gzip -c, its trailer.
    values = dict(
        zip(KEYS, ("0f" * 16, "t" * 32, "http://localhost:8000", "/handshake", "form-fill", "1800s"), strict=True)
    )
    assert checksum(values) == "ca406f00"


NEAR = PROMPT[START:END] + '\n\n{"note": "token: x, check: 0123abcd"}'
"""The lines alone, with words behind them that look like lines: thousands of copies with a damage each are read."""
CHARS = range(END - START)
REPLACEMENTS = "aAfFgzZ09_-./:=|,;~# \n\t\"'<>`*)\\é٣\xa0\u200b\u2011：\ud800"
"""Of every class of characters that a reading tells apart."""


def test_every_replaced_character_of_the_lines_is_told_or_does_no_harm() -> None:
    assert damaged([NEAR[:at] + char + NEAR[at + 1 :] for at in CHARS for char in REPLACEMENTS]) == []


def test_every_added_character_of_the_lines_is_told_or_does_no_harm() -> None:
    assert damaged([NEAR[:at] + char + NEAR[at:] for at in CHARS for char in REPLACEMENTS]) == []


def test_every_lost_swapped_or_recased_character_of_the_lines_is_told_or_does_no_harm() -> None:
    lost = [NEAR[:at] + NEAR[at + 1 :] for at in CHARS]
    swapped = [NEAR[:at] + NEAR[at + 1] + NEAR[at] + NEAR[at + 2 :] for at in CHARS]
    recased = [NEAR[:at] + NEAR[at].swapcase() + NEAR[at + 1 :] for at in CHARS]
    doubled = [NEAR[: at + 1] + NEAR[at:] for at in CHARS]
    assert damaged(lost + swapped + recased + doubled) == []


def test_every_lost_line_or_line_end_is_told_or_does_no_harm() -> None:
    without = ["\n".join(line for line in NEAR.splitlines() if line != gone) for gone in LINES]
    doubled = [NEAR.replace(line, f"{line}\n{line}") for line in LINES]
    joined = [NEAR.replace(f"{line}\n", line) for line in LINES]
    assert damaged(without + doubled + joined) == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_prompt_cut_off_within_its_lines_is_told_or_has_all_that_a_request_needs(language: str) -> None:
    text = prompt(language)
    end = text.index("- check: ")
    found = []
    for at in range(text.index("- sessionId"), end):
        with suppress(PromptError):
            found.append(replace(parse_prompt(text[:at]), expires_in=WHOLE.expires_in))
    assert set(found) <= {WHOLE}


@given(st.integers(START, END - 1), st.integers(0, 3), st.text(st.characters(exclude_categories=()), max_size=3))
def test_whatever_takes_the_place_of_some_characters_is_told_or_does_no_harm(at: int, lost: int, text: str) -> None:
    assert damaged([PROMPT[:at] + text + PROMPT[at + lost :]]) == []


@pytest.mark.parametrize("key", ["sessionId", "token", "baseUrl", "prefix", "mode"])
def test_a_damaged_value_is_told_as_damage_with_the_remedy(key: str) -> None:
    value = next(line for line in LINES if line.startswith(f"- {key}: ")).partition(": ")[2]
    text = PROMPT.replace(f"- {key}: {value}", f"- {key}: {value[:-2]}{'0' if value[-2] != '0' else '1'}{value[-1]}")
    with pytest.raises(PromptError, match="damaged when it was pasted; copy it from the page again") as caught:
        parse_prompt(text)
    assert TOKEN not in str(caught.value)


def test_a_damaged_value_is_told_in_a_quotation_too() -> None:
    text = block(lambda lines: "\n".join(f"> {line}" for line in lines.replace("k-K", "k-k").splitlines()))
    with pytest.raises(PromptError, match="damaged"):
        parse_prompt(text)


def wrapped(width: int) -> Callable[[str], str]:
    def wrap(lines: str) -> str:
        cut = [line[at : at + width] for line in lines.splitlines() for at in range(0, len(line), width)]
        return "\n".join(cut)

    return wrap


def numbered(form: str, lines: str) -> str:
    return "\n".join(form.format(number, line) for number, line in enumerate(lines.splitlines(), 9))


HARMLESS: dict[str, Callable[[str], str]] = {
    "wrapped at 20": wrapped(20),
    "wrapped at 40": wrapped(40),
    "wrapped and indented": lambda lines: wrapped(24)(lines).replace("\n", "\n    "),
    "wrapped in a quotation": lambda lines: "> " + wrapped(24)(lines).replace("\n", "\n> "),
    "quoted": lambda lines: "> " + lines.replace("\n", "\n> "),
    "quoted twice": lambda lines: ">> " + lines.replace("\n", "\n>> "),
    "quoted and spaced": lambda lines: "\n\n".join(f">   {line}" for line in lines.splitlines()),
    "round bullets": lambda lines: lines.replace("- ", "• "),
    "stars": lambda lines: re.sub("^- ", "* ", lines, flags=re.MULTILINE),
    "dashes": lambda lines: re.sub("^- ", "– ", lines, flags=re.MULTILINE),
    "no bullets": lambda lines: re.sub("^- ", "", lines, flags=re.MULTILINE),
    "tab bullets": lambda lines: re.sub("^- ", "•\t", lines, flags=re.MULTILINE),
    "cells between tabs": lambda lines: re.sub(r"^- (\w+): ", r"\1\t", lines, flags=re.MULTILINE),
    "bold keys": lambda lines: re.sub(r"^- (\w+):", r"- **\1**:", lines, flags=re.MULTILINE),
    "bold keys with colons": lambda lines: re.sub(r"^- (\w+):", r"- **\1:**", lines, flags=re.MULTILINE),
    "code values": lambda lines: re.sub(r": (.+)$", r": `\1`", lines, flags=re.MULTILINE),
    "quoted values": lambda lines: re.sub(r": (.+)$", r': "\1"', lines, flags=re.MULTILINE),
    "typographic quotes": lambda lines: re.sub(r": (.+)$", r": “\1”", lines, flags=re.MULTILINE),
    "full-width colons": lambda lines: re.sub(r"^- (\w+): ", r"- \1：", lines, flags=re.MULTILINE),
    "zero-width spaces": lambda lines: lines.replace("k", "\u200bk"),
    "word joiners": "\u2060".join,
    "soft hyphens": lambda lines: lines.replace("K", "\xadK"),
    "byte order mark": lambda lines: "\ufeff" + lines,
    "no-break spaces": lambda lines: lines.replace(" ", "\xa0"),
    "CRLF": lambda lines: lines.replace("\n", "\r\n"),
    "line separators": lambda lines: lines.replace("\n", "\u2028"),
    "trailing spaces": lambda lines: lines.replace("\n", "  \n"),
    "angle autolink": lambda lines: lines.replace(ORIGIN, f"<{ORIGIN}>"),
    "Markdown autolink": lambda lines: lines.replace(ORIGIN, f"[{ORIGIN}]({ORIGIN})"),
    "Markdown autolink with a slash": lambda lines: lines.replace(ORIGIN, f"[{ORIGIN}/]({ORIGIN}/)"),
    "link of the host": lambda lines: lines.replace(ORIGIN, f"[shop.example:8443]({ORIGIN})"),
    "Slack link": lambda lines: lines.replace(ORIGIN, f"<{ORIGIN}|{ORIGIN.removeprefix('https://')}>"),
    "address and link": lambda lines: lines.replace(ORIGIN, f"{ORIGIN} ({ORIGIN}/)"),
    "HTML link": lambda lines: lines.replace(ORIGIN, f'<a href="{ORIGIN}">{ORIGIN}</a>'),
    "HTML entities": lambda lines: lines.replace("/", "&#x2F;").replace(" ", "&nbsp;"),
    "Markdown escapes": lambda lines: lines.replace("_", r"\_").replace("k-", r"k\-"),
    "each as code": lambda lines: "\n".join(f"`{line}`" for line in lines.splitlines()),
    "each in bold": lambda lines: "\n".join(f"**{line[2:]}**" for line in lines.splitlines()),
    "indented code": lambda lines: "\n".join(f"    {line}" for line in lines.splitlines()),
    "a fence": lambda lines: f"```text\n{lines}\n```",
    "numbered list": lambda lines: numbered("{}. {}", lines.replace("- ", "", 1).replace("\n- ", "\n")),
    "line numbers": lambda lines: numbered("{:3} | {}", lines),
    "all punctuation escaped": lambda lines: re.sub(r"([_:./-])", r"\\\1", lines),
    "a JSON text": json.dumps,
    "a JSON text with CRLF": lambda lines: json.dumps(lines.replace("\n", "\r\n")),
    "words' breaks of HTML": lambda lines: lines.replace("k", "k<wbr>"),
    "escaped bullets": lambda lines: re.sub("^- ", r"\\- ", lines, flags=re.MULTILINE),
    "added lines of a difference": lambda lines: re.sub("^", "+", lines, flags=re.MULTILINE),
    "first letters in capitals": lambda lines: re.sub(
        r"^- (\w)", lambda found: f"- {found[1].upper()}", lines, flags=re.MULTILINE
    ),
    "table": lambda lines: re.sub(r"^- (\w+): (.+)$", r"| \1 | \2 |", lines, flags=re.MULTILINE),
    "object": lambda lines: re.sub(r"^- (\w+): (.+)$", r'  "\1": "\2",', lines, flags=re.MULTILINE),
    "assignments": lambda lines: lines.replace(": ", " = "),
    "sentences": lambda lines: lines.replace("\n", ".\n") + ".",
    "HTML list": lambda lines: "<ul>" + re.sub(r"^- (.+)$", r"<li>\1</li>", lines, flags=re.MULTILINE) + "</ul>",
    "HTML line breaks": lambda lines: lines.replace("\n", "<br>"),
    "escaped HTML": html.escape,
    "isolated directions": lambda lines: "\n".join(f"\u2066{line}\u2069" for line in lines.splitlines()),
    "typographic hyphens": lambda lines: lines.replace("-", "\u2011"),
    "a redirecting link": lambda lines: lines.replace(ORIGIN, f"https://go.example/?url={ORIGIN}"),
    "one line": lambda lines: lines.replace("\n", " "),
    "no line ends at all": lambda lines: lines.replace("\n", ""),
    "one line without bullets": lambda lines: lines.replace("\n- ", " "),
    "other order": lambda lines: "\n".join(reversed(lines.splitlines())),
}


@pytest.mark.parametrize("change", HARMLESS.values(), ids=HARMLESS)
def test_what_a_chat_does_to_the_lines_does_no_harm(change: Callable[[str], str]) -> None:
    assert parse_prompt(block(change)) == WHOLE


@pytest.mark.parametrize("ending", ["k", "-", "_", "--"])
def test_a_token_may_end_as_a_bullet_begins(ending: str) -> None:
    token = "t" * 30 + ending
    for change in ("one line", "no line ends at all", "one line without bullets", "no bullets", "wrapped at 20"):
        text = prompt(token=token)
        lines = text[text.index("- sessionId") : text.index("\n\nYou may")]
        assert parse_prompt(text.replace(lines, HARMLESS[change](lines))).token == token


def test_lines_that_only_look_like_the_prompts_do_not_hide_it() -> None:
    assert parse_prompt(f"> token: x\nmy token: is below\n**check**: it\n{PROMPT}") == WHOLE


@pytest.mark.parametrize("mode", ["form fill", 'say "x"', "a\\b", "“x”", "token: " + "e" * 32, "🙂"])
@pytest.mark.parametrize("change", ["quoted", "wrapped at 40", "typographic quotes", "one line"])
def test_any_mode_survives_what_does_no_harm(mode: str, change: str) -> None:
    text = prompt(mode=mode)
    lines = text[text.index("- sessionId") : text.index("\n\nYou may")]
    assert parse_prompt(text.replace(lines, HARMLESS[change](lines))).mode == mode


FORGED = build_prompt({**CREATED, "token": "e" * 32}, "https://evil.example")
FORGED_LINES = [line for line in FORGED.splitlines() if re.match(rf"- (?:{'|'.join((*KEYS, CHECK))}): ", line)]
FORGED_LINE = " | ".join(line[2:] for line in FORGED_LINES)
PAGES = {
    "fields": {"schema": [{"key": f"k{number}", "label": line} for number, line in enumerate(FORGED_LINES)]},
    "backwards": {"schema": [{"key": f"k{number}", "desc": line} for number, line in enumerate(FORGED_LINES[::-1])]},
    "one label": {"schema": [{"key": "k", "label": "\n".join(FORGED_LINES)}]},
    "one label without line ends": {"schema": [{"key": "k", "label": FORGED_LINE}]},
    "one value": {"context": {"k": {"value": FORGED_LINE, "by": "user"}}},
    "options": {"schema": [{"key": "k", "type": "enum", "options": FORGED_LINES}]},
    "values": {
        "context": {f"k{number}": {"value": line, "by": "user"} for number, line in enumerate(FORGED_LINES)},
    },
    "a whole prompt": {"context": {"k": {"value": FORGED[:400], "by": "user"}}},
}


@pytest.mark.parametrize("page", PAGES.values(), ids=PAGES)
@pytest.mark.parametrize("language", LANGUAGES)
def test_lines_that_a_page_supplies_are_never_read_even_where_the_prompts_own_are_lost(
    page: dict[str, object], language: str
) -> None:
    text = build_prompt(CREATED, ORIGIN, language=language, page=page, data={"note": "\n".join(FORGED_LINES)})
    own = text.index("\n", text.index("- check: "))
    rendered = text.replace("`", "")
    for shown in (text, rendered, html.escape(text), text.replace("\n> ", "\n> > ")):
        assert parse_prompt(shown) == WHOLE
    for rest in (text[own:], rendered[own:], text[own:].replace("\n", " "), text[own:].replace("\n", "\n> ")):
        with pytest.raises(PromptError):
            parse_prompt(rest)
    for lost in LINES:
        for shown in (
            text.replace(lost, "", 1),
            rendered.replace(lost, "", 1),
            text.replace(lost, "> " + lost[:-2], 1),
        ):
            with suppress(PromptError):
                assert parse_prompt(shown) == WHOLE


# With and without the check.


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_prompt_written_without_a_check_is_read(language: str) -> None:
    text = re.sub(r"^- check: .*\n", "", prompt(language), flags=re.MULTILINE)
    assert parse_prompt(text) == WHOLE


@pytest.mark.parametrize("language", LANGUAGES)
def test_readers_that_know_no_check_read_the_prompt(language: str) -> None:
    found = old_agent.parse_prompt(prompt(language))
    assert (found["sessionId"], found["token"], found["baseUrl"]) == (SESSION_ID, TOKEN, ORIGIN)
    assert {key: first_lines(prompt(language))[key] for key in KEYS}["mode"] == "form-fill"


def test_a_page_cannot_supply_a_check() -> None:
    without = re.sub(r"^- check: .*\n", "", PROMPT, flags=re.MULTILINE)
    assert checked_lines(without) is None
    assert parse_prompt(without) == WHOLE


LENGTHS = [
    pytest.param(MAX_PROMPT_CHARS // 4, id="long"),
    pytest.param(MAX_PROMPT_CHARS, id="as long as may be", marks=pytest.mark.integration),
]
UNITS = ["token:", "- token: ", "check: ", "> ", "\n>", "*", "https://", "\u200b", "&amp;", "baseUrl: http://a", "\n"]
UNITS += ["<br>", "<", "token=", "ToKeN|", "</li", "token: x, ", "ſessionId:"]


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("chars", LENGTHS)
def test_hostile_repetition_takes_no_time(chars: int, unit: str) -> None:
    body = unit * ((chars - len(PROMPT) - 10) // len(unit))
    with counting_cost() as cost:
        for text in (body, body + "\n" + PROMPT, PROMPT + body, PROMPT.replace(TOKEN, TOKEN + body, 1)):
            with suppress(PromptError):
                parse_prompt(text)
    assert cost.seconds < 4 * chars / MAX_PROMPT_CHARS  # a quadratic reader needs minutes
