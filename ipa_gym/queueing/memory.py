"""`KernelMemory`: the kernel's arrays for N pipelines and T threads, and how they grow. Holds no rule of the model."""

from __future__ import annotations

from ipa_gym.queueing.state import Blocks, grown_blocks, new_blocks, new_work, padded

_FIRST_PLACES = 264  # room for requests and replicas that a new state starts with; grows by doubling
_FIRST_SLOTS = 16


class KernelMemory:
    """State of N pipelines and working space of T threads, with as much room for requests in one as in the other."""

    def __init__(self, n_pipelines: int, n_stages: int, *, n_threads: int = 1) -> None:
        self.blocks = new_blocks(n_pipelines, n_stages, n_slots=_FIRST_SLOTS, n_places=_FIRST_PLACES)
        self.work = new_work(n_threads, n_stages, n_places=_FIRST_PLACES)

    @property
    def n_slots(self) -> int:
        """Replicas of a stage that there is room for, those included that start or leave."""
        return int(self.blocks.size[1])

    @property
    def n_places(self) -> int:
        """Requests that there is room for in each stage."""
        return int(self.blocks.size[2])

    def make_room(self, *, places: int, slots: int) -> None:
        """Grow so that so many requests and replicas fit into every stage; what is there stays."""
        if places > self.n_places or slots > self.n_slots:
            places = padded(self.n_places, places)
            self.blocks = grown_blocks(self.blocks, n_slots=padded(self.n_slots, slots), n_places=places)
            self.work = new_work(len(self.work.decision), int(self.blocks.size[0]), n_places=places)

    def replace(self, blocks: Blocks) -> None:
        """Take over the state of as many pipelines of as many stages, whatever its room."""
        self.blocks = blocks
        self.work = new_work(len(self.work.decision), int(blocks.size[0]), n_places=self.n_places)
