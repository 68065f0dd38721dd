"""Checks of a server's version, and of settings that lose sessions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

OLDEST = (6, 2)
"""The first version whose SET takes an absolute expiry, which the scripts need."""


def too_old(info: Mapping[str, str]) -> bool:
    """Whether a server cannot run the scripts, by its INFO."""
    major, _, rest = info.get("redis_version", "").partition(".")
    minor = rest.partition(".")[0]
    return major.isdigit() and minor.isdigit() and (int(major), int(minor)) < OLDEST


def settings_warnings(info: Mapping[str, str], *, cluster: bool) -> Iterator[str]:
    """Yield warnings for the operator; a setting that the server does not tell is taken as safe."""
    if info.get("aof_enabled") == "0":
        yield (
            "Redis keeps no append-only file: when it stops, all sessions since its last snapshot are lost "
            "(set appendonly yes)"
        )
    policy = info.get("maxmemory_policy", "noeviction")
    if policy != "noeviction":
        yield (
            f"Redis may throw sessions away while they are in use, since its maxmemory-policy is {policy}: "
            "every key of a session has a TTL (set noeviction)"
        )
    if info.get("cluster_enabled") == "1" and not cluster:
        yield "Redis is a node of a Cluster, and not all sessions are on it (use a redis+cluster:// URL)"
