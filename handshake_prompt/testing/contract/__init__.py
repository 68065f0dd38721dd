"""Tests of a store's promises, by subject. Needs pytest and pytest-asyncio."""

import pytest

SUBJECTS = ("capacity", "counting", "logs", "notifications", "records", "sharing", "steps")

pytest.register_assert_rewrite(*(f"{__name__}.{subject}" for subject in SUBJECTS))  # assertions say what they saw
