"""How long a measurement will still take: a pass takes as long as the one before it. Pure arithmetic."""

from mnist_deploy.benchmark.schedule import Plan


class Outlook:
    """The durations of a measurement's passes; all times in seconds on one clock."""

    def __init__(self, plan: Plan, began: float) -> None:
        """Begin at `began`, which the plan's time limit counts from."""
        self._plan, self._began, self._pass_began = plan, began, began
        self._pass_s: float | None = None

    def begin_pass(self, now: float) -> None:
        """A pass begins."""
        self._pass_began = now

    def end_pass(self, now: float) -> None:
        """A pass has ended, with all that is computed and saved after it."""
        self._pass_s = now - self._pass_began

    def left_s(self, share: float, passes_after: int, now: float) -> float | None:
        """Return how long it will still take; None before anything is known.

        Args:
            share: how much of the pass that runs is done.
            passes_after: how many follow it.
            now: the time.
        """
        pass_s = self._pass_s
        if pass_s is None:
            if not share:
                return None
            pass_s = (now - self._pass_began) / share
        left_s = pass_s * (1 - share + passes_after)
        limit_s = self._plan.time_limit_s
        return left_s if limit_s is None else min(left_s, max(0.0, self._began + limit_s - now))
