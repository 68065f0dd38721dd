"""The package, on its own at the root and with its limits raised. `BENCHMARK_STORE` names the store."""

from __future__ import annotations

import os

from handshake_prompt import HandshakeApp, Limits

UNBOUNDED = 1_000_000_000
LONG = 3600.0

app = HandshakeApp(
    store=os.environ.get("BENCHMARK_STORE", "memory://"),
    limits=Limits(
        agent_requests=UNBOUNDED,
        user_requests=UNBOUNDED,
        creates_per_address=UNBOUNDED,
        sessions=UNBOUNDED,
        watchers=UNBOUNDED,
        watchers_per_session=UNBOUNDED,
        keepalive=LONG,  # heartbeats would be counted among the frames
    ),
)
