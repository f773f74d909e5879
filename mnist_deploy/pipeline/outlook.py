"""How long a measurement will still take: what its processes took before, they will take again. Pure arithmetic."""

from collections.abc import Mapping

from mnist_deploy.benchmark.schedule import Plan

# Its runtime, device and threads.
Process = tuple[str, str, int]


class Outlook:
    """The durations of a measurement's processes, told one by one; all times in seconds on one clock."""

    def __init__(self, plan: Plan, began: float) -> None:
        """Begin at `began`, which the plan's time limit counts from."""
        self._plan, self._began = plan, began
        self._took: dict[Process, float] = {}
        self._steps: dict[Process, int] = {}
        self._todo: list[Process] = []
        self._pass_began = began
        self._pass_s: list[float] = []

    def begin_pass(self, steps: Mapping[Process, int], now: float) -> None:
        """A pass begins of the processes that are the keys of `steps`, each with as many slices."""
        self._steps, self._todo, self._pass_began = dict(steps), list(steps), now

    def took(self, process: Process, seconds: float) -> None:
        """One of the pass's processes has ended."""
        self._took[process] = seconds
        self._todo.remove(process)

    def end_pass(self, now: float) -> None:
        """A pass has ended, with all that is computed and saved after it."""
        self._pass_s.append(now - self._pass_began)

    def left_s(self, passes_after: int, now: float) -> float | None:
        """Return how long it will still take, with `passes_after` the pass that runs; None before anything is known.

        A process that has not run yet is taken to be as fast a slice as those that have.
        """
        known = [name for name in self._steps if name in self._took]
        slices = sum(self._steps[name] for name in known)
        if not slices:
            return None
        slice_s = sum(self._took[name] for name in known) / slices
        rest_s = sum(self._took.get(name, slice_s * self._steps[name]) for name in self._todo)
        pass_s = self._pass_s[-1] if self._pass_s else now - self._pass_began + rest_s
        return rest_s + self._passes_to_come(passes_after, now + rest_s, pass_s) * pass_s

    def _passes_to_come(self, wanted: int, now: float, pass_s: float) -> int:
        limit_s = self._plan.time_limit_s
        if limit_s is None:
            return wanted
        longest = max([*self._pass_s, pass_s])
        count = 0
        while count < wanted and now + count * pass_s - self._began + longest <= limit_s:
            count += 1
        return count
