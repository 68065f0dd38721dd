"""Content-Security-Policy of every page."""

from __future__ import annotations

from typing import Any

from django.utils.deprecation import MiddlewareMixin

POLICY = "default-src 'self'; img-src 'self' data:; base-uri 'none'; frame-ancestors 'none'"


class ContentSecurityPolicy(MiddlewareMixin):  # type: ignore[misc]
    """Allow nothing inline, and nothing from elsewhere."""

    def process_response(self, _: Any, response: Any) -> Any:
        response["Content-Security-Policy"] = POLICY
        return response
