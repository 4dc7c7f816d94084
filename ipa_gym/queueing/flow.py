"""Requests on their way from one stage to the next, compiled. What a flow holds: `state.Flow`."""

from __future__ import annotations

import numpy as np

from ipa_gym.compiling import inlined

_ONE = np.uint64(1)


@inlined
def hand_on(here, there, value_s, sent, first, count, end_s):
    """The requests of a batch that ends go out, to places ``sent``, ...; returns the place after the last."""
    for place in range(first, first + count):
        there.number[sent] = here.number[place]
        there.t0_s[sent] = here.t0_s[place]
        there.enter_s[sent] = end_s
        value_s[sent] = end_s - here.enter_s[place]
        sent += _ONE
    return sent
