"""Two binary heaps of replica slots, for the kernel: busy replicas by (end, batch), free ones by slot.

Arrays are rows of `KernelState`; the caller keeps the length. Nothing here allocates.
"""

from __future__ import annotations

from ipa_gym.queueing.compiled import inlined


@inlined
def ends_before(one, other, end_s, batch):
    """Whether slot ``one`` hands on before slot ``other``: earlier end, then earlier start."""
    if end_s[one] != end_s[other]:
        return end_s[one] < end_s[other]
    return batch[one] < batch[other]


@inlined
def push_busy(heap, size, slot, end_s, batch):
    """Add ``slot`` to a heap of ``size`` slots; ``end_s``, ``batch``: per slot."""
    place = size
    while place > 0:
        parent = (place - 1) // 2
        if not ends_before(slot, heap[parent], end_s, batch):
            break
        heap[place] = heap[parent]
        place = parent
    heap[place] = slot


@inlined
def pop_busy(heap, size, end_s, batch):
    """Take the slot that ends first out of a heap of ``size`` > 0 slots."""
    first = heap[0]
    last = heap[size - 1]
    place = 0
    while True:
        child = 2 * place + 1
        if child >= size - 1:
            break
        if child + 1 < size - 1 and ends_before(heap[child + 1], heap[child], end_s, batch):
            child += 1
        if not ends_before(heap[child], last, end_s, batch):
            break
        heap[place] = heap[child]
        place = child
    heap[place] = last
    return first


@inlined
def push_free(heap, size, slot):
    """Add ``slot`` to a heap of ``size`` slots."""
    place = size
    while place > 0:
        parent = (place - 1) // 2
        if slot >= heap[parent]:
            break
        heap[place] = heap[parent]
        place = parent
    heap[place] = slot


@inlined
def pop_free(heap, size):
    """Take the lowest slot out of a heap of ``size`` > 0 slots."""
    first = heap[0]
    last = heap[size - 1]
    place = 0
    while True:
        child = 2 * place + 1
        if child >= size - 1:
            break
        if child + 1 < size - 1 and heap[child + 1] < heap[child]:
            child += 1
        if heap[child] >= last:
            break
        heap[place] = heap[child]
        place = child
    heap[place] = last
    return first
