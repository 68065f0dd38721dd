"""Tests for stores of other packages; needs pytest and pytest-asyncio."""

import pytest

pytest.register_assert_rewrite("handshake_prompt.testing.contract")

from .store_contract import StoreContract, Stores  # noqa: E402 - its assertions are to say what they saw

__all__ = ["StoreContract", "Stores"]
