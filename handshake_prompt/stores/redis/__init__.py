"""Sessions in Redis: for any number of workers on any number of machines. Needs the extra `redis`."""

from .store import RedisStore

__all__ = ["RedisStore"]
