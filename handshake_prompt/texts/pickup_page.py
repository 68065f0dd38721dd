"""Pages about a pickup, for the person at a browser that opens its address. HTML without inline script or style."""

from __future__ import annotations

from html import escape
from typing import NamedTuple
from urllib.parse import urlsplit


class Wording(NamedTuple):
    """All sentences of one language, as `str.format` templates."""

    title: str
    before: str
    button: str
    agent: str
    after: str
    copy: str
    copied: str


WORDING = {
    "en": Wording(
        title="A page for your AI agent",
        before="This address gives a text, once. Whoever has that text can read and fill a page on {host} as the agent "
        "of the person there. Get it only if you opened that page yourself a moment ago; if somebody sent you this "
        "address, close it.",
        button="Get the text",
        agent="To an AI agent: requests that may be a mere preview are answered with this page. The text itself is at",
        after="Give all of this text to your agent, and to nobody else.",
        copy="Copy",
        copied="Copied",
    ),
    "zh": Wording(
        title="交给你的 AI 智能体的页面",
        before="此地址会给出一段文字，且只给一次。得到这段文字的人可以作为该页面用户的智能体"
        "读取并填写 {host} 上的页面。只有当你刚刚亲自打开该页面时才获取；如果是别人把此地址发给你，请关闭。",
        button="获取文字",
        agent="致 AI 智能体：可能只是预览的请求会得到本页面。文字本身位于",
        after="请把这段文字完整地交给你的智能体，不要交给其他任何人。",
        copy="复制",
        copied="已复制",
    ),
}

_PAGE = """\
<!doctype html>
<html lang="{language}">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<title>{title}</title>
<h1>{title}</h1>
{body}
"""


def preview_page(url: str, *, language: str) -> str:
    """Return the page that stands in front of an exchange: a person goes on by its button, an agent by an address.

    Args:
        url: the address of this visitor's exchange. It is no link: a crawler of links does not come by it.
        language: `en` or `zh`.
    """
    said, host = WORDING[language], urlsplit(url).netloc
    return _render_page(
        said.title,
        f"<p>{escape(said.before.format(host=host))}</p>\n"
        f'<form method="post" action="{escape(url)}"><button>{escape(said.button)}</button></form>\n'
        f"<p><small>{escape(said.agent)} <code>{escape(url)}</code></small></p>",
        language=language,
    )


def prompt_page(prompt: str, script: str, *, language: str) -> str:
    """Return the page with a prompt to be copied.

    Args:
        prompt: the text.
        script: the path of the module that makes the button work; it is hidden without.
        language: `en` or `zh`.
    """
    said = WORDING[language]
    return _render_page(
        said.title,
        f"<p>{escape(said.after)}</p>\n"
        f'<p><button hidden data-copied="{escape(said.copied)}">{escape(said.copy)}</button></p>\n'
        f'<textarea rows="20" cols="40" readonly>\n{escape(prompt)}</textarea>\n'
        f'<script type="module" src="{escape(script)}"></script>',
        language=language,
    )


def refusal_page(title: str, hint: str) -> str:
    """Return the page of a refusal."""
    return _render_page(title, f"<p>{escape(hint)}</p>", language="en")


def _render_page(title: str, body: str, *, language: str) -> str:
    return _PAGE.format(language=language, title=escape(title), body=body)
