"""Trustworthy timing: sampler (the only clock), worker (one process), schedule (the order), statistics (pure)."""
