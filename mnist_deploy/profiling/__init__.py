"""Where the time of a call goes, as each library tells it: profilers, worker (one process), twins (pure)."""
