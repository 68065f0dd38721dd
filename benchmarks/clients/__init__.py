"""Who asks: `wrk`, a load generator in Python where there is no `wrk`, and WebSocket clients that cost next to nothing.

What is written in Python runs in the runner itself, which is a process apart from every server and keeps to the load's
core.
"""
