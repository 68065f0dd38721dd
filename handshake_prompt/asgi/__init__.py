"""The protocol over ASGI: HTTP and WebSocket in thin shells around the engine."""
