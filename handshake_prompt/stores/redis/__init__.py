"""Session store in Redis, for any number of workers on any number of machines. Needs the extra `redis`."""

from .store import RedisStore
from .timings import RedisTimings

__all__ = ["RedisStore", "RedisTimings"]
