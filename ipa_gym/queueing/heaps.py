"""The replicas of a stage, ordered for the kernel: a heap of busy slots by (end, batch), a bit set of free slots.

Arrays are rows of `KernelState`; the caller keeps the heap's length. Nothing here allocates. Slots and places are
uint64: numba tests every signed index for being negative, which took a third of the kernel's time.
"""

from __future__ import annotations

import numpy as np

from ipa_gym.compiling import inlined

_ZERO, _ONE = np.uint64(0), np.uint64(1)
_WORD_SHIFT, _WORD_MASK, _TOP_BITS = np.uint64(6), np.uint64(63), np.uint64(58)
_DE_BRUIJN = np.uint64(0x03F79D71B4CB0A89)
_BIT_OF_PRODUCT = np.zeros(64, dtype=np.uint64)  # top 6 bits of (one bit · de Bruijn sequence) -> number of the bit
for _bit in range(64):
    _BIT_OF_PRODUCT[(int(_DE_BRUIJN) << _bit) % 2**64 >> 58] = _bit


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
    while place > _ZERO:
        parent = (place - _ONE) >> _ONE
        if not ends_before(slot, heap[parent], end_s, batch):
            break
        heap[place] = heap[parent]
        place = parent
    heap[place] = slot


@inlined
def pop_busy(heap, size, end_s, batch):
    """Take the slot that ends first, ``heap[0]``, out of a heap of ``size`` > 0 slots."""
    left = size - _ONE
    last = heap[left]
    place, child = _ZERO, _ONE
    while child < left:
        if child + _ONE < left and ends_before(heap[child + _ONE], heap[child], end_s, batch):
            child += _ONE
        if not ends_before(heap[child], last, end_s, batch):
            break
        heap[place] = heap[child]
        place = child
        child = place + place + _ONE
    heap[place] = last


@inlined
def set_free(words, slot):
    """Add ``slot`` to the set."""
    words[slot >> _WORD_SHIFT] |= _ONE << (slot & _WORD_MASK)


@inlined
def clear_free(words, slot):
    """Take ``slot`` out of the set."""
    words[slot >> _WORD_SHIFT] &= ~(_ONE << (slot & _WORD_MASK))


@inlined
def is_free(words, slot):
    """Whether ``slot`` is in the set."""
    return (words[slot >> _WORD_SHIFT] >> (slot & _WORD_MASK)) & _ONE != _ZERO


@inlined
def take_lowest_free(words):
    """Take the lowest slot out of a set that is not empty."""
    index = _ZERO
    while words[index] == _ZERO:
        index += _ONE
    word = words[index]
    lowest = word & (~word + _ONE)
    words[index] = word ^ lowest
    return (index << _WORD_SHIFT) + _BIT_OF_PRODUCT[(lowest * _DE_BRUIJN) >> _TOP_BITS]
