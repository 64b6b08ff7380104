"""The maker of proxies that outlive a test."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from trixter.control.commands import Apply
from trixter.control.overrides import complete
from trixter.proxy import Defaults
from trixter.testing.chaos import Chaos
from trixter.testing.hosted import Hosted
from trixter.testing.seeds import seed_for

ChangeDefaults = Callable[[Defaults], Defaults]


class SessionChaos(Chaos):
    """Make proxies that live as long as the session, and keep its tests out of each other's way."""

    def begin_test(self, seed: int, conditions: ChangeDefaults) -> Callable[[], None]:
        """Begin a test: with luck of its own, and the conditions it asks for.

        Args:
            seed: The test's: connections that it opens have the luck they would have if it ran alone.
            conditions: What the test wants instead of the usual.

        Returns:
            What ends the test: proxies are as they were before it.
        """
        snapshots = [(each, each.call(each.controller.snapshot)) for each in self.hosted if each.is_running]
        for number, hosted in enumerate(self.hosted, 1):
            if hosted.is_running:
                hosted.journal.start_over()
                own_seed = seed_for(seed, f"session proxy {number}")
                hosted.call(partial(_begin, hosted, own_seed, conditions))

        def end_test() -> None:
            for hosted, snapshot in snapshots:
                if hosted.is_running:
                    hosted.call(partial(hosted.controller.restore, snapshot))

        return end_test


def _begin(hosted: Hosted, seed: int, conditions: ChangeDefaults) -> None:
    proxy = hosted.proxy
    proxy.reseed(seed)
    hosted.use.start_over()
    wanted = conditions(proxy.defaults)
    if wanted != proxy.defaults:
        hosted.controller.execute(Apply(override=complete(wanted)))
        hosted.use.look()
