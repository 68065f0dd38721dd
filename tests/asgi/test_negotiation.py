"""By RFC 9110 the representation of a context follows from `Accept`, a content coding from `Accept-Encoding`."""

from __future__ import annotations

import pytest

from handshake_prompt.asgi.negotiation import accepts_gzip, prefers_markdown
from tests.support.cost import cpu_time

MARKDOWN = [
    "text/markdown",
    "TEXT/Markdown",
    "text/markdown;q=0.001",
    "text/markdown; charset=utf-8; q=0.5",
    "text/markdown;variant=GFM, */*",
    "text/html;q=0.8, text/markdown;q=0.9, */*;q=0.1",
    "text/markdown, */*",
    "application/json, text/markdown",
    "text/markdown, application/json",
    "application/json;q=0.8, text/markdown;q=0.9",
    "text/*",
    "text/*;q=0.5",
    "text/*;q=0.9, */*;q=0.1",
    "application/json;q=0, */*",
    "application/*;q=0, text/*;q=0.1",
    "*/*;q=0.1, text/markdown;q=0.2",
    'text/html;note="a, b;q=0", text/markdown',
    "text/markdown;q=0, text/markdown;q=1",
    " text/markdown ; Q=1.000 ",
]
JSON = [
    "",
    "*/*",
    "application/json",
    "text/html",
    "application/json, text/markdown;q=0",
    "text/markdown;q=0",
    "text/markdown;q=0.000, text/*",
    "text/markdown;q=0, */*",
    "text/*;q=0, */*",
    "application/json, text/*",
    "application/json;q=0.9, text/markdown;q=0.8",
    "application/*, text/markdown;q=0.9",
    "application/json, text/plain, */*",
    "text/markdown;q=abc",
    "text/markdown;q=",
    "text/markdown;q=2",
    "text/markdown;q=-1",
    "text/markdownx, xtext/markdown",
    "text/html;note=text/markdown",
    'text/html;note="x, text/markdown, y"',
    "markdown",
    "*/markdown",
    ";,/,;q=1",
]


@pytest.mark.parametrize("accept", MARKDOWN)
def test_markdown_is_what_a_client_prefers_by(accept: str) -> None:
    assert prefers_markdown(accept)


@pytest.mark.parametrize("accept", JSON)
def test_json_is_what_a_client_gets_by(accept: str) -> None:
    assert not prefers_markdown(accept)


LONG = ["text/a;q=0.5," * 5000, "text/a" + ";" * 64_000, 'text/a;b="' + "\\" * 64_000, "/" * 64_000, "a/" * 32_000]


@pytest.mark.parametrize("accept", LONG, ids=range(len(LONG)))
def test_a_long_header_is_read_in_linear_time(accept: str) -> None:
    assert min(cpu_time(prefers_markdown.__wrapped__, accept) for _ in range(3)) < 0.06
    assert min(cpu_time(accepts_gzip.__wrapped__, accept) for _ in range(3)) < 0.06


GZIP = [
    "gzip",
    "GZip",
    "x-gzip",
    "gzip, deflate, br, zstd",
    "br;q=1.0, gzip;q=0.8, *;q=0.1",
    "*",
    "*;q=0.001",
    "gzip;q=0.5, identity;q=0.5",
    "identity;q=0, gzip",
    "*;q=0, gzip;q=0.1",
    " gzip ; Q=1.000 ",
    "br;q=0,gzip",
]
IDENTITY = [
    "",
    "identity",
    "br",
    "deflate, br, zstd",
    "gzip;q=0",
    "gzip;q=0.000, *",
    "x-gzip;q=0, *",
    "*;q=0",
    "identity, *;q=0",
    "gzip;q=0.5, identity",
    "*;q=0.5, identity;q=0.6",
    "gzipped, xgzip",
    "gzip/1",
    "gzip;q=2",
    "gzip;q=abc",
    ";,=,;q=1",
]


@pytest.mark.parametrize("accept", GZIP)
def test_content_is_compressed_for_a_client_that_takes_it_by(accept: str) -> None:
    assert accepts_gzip(accept)


@pytest.mark.parametrize("accept", IDENTITY)
def test_content_is_as_it_is_for_a_client_that_says(accept: str) -> None:
    assert not accepts_gzip(accept)
