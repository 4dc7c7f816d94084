"""Makes the numbers and figures of README and docs anew, and says which no longer match.

`claims.py` reads what is claimed (docs/claims.yaml), `running.py` makes it in a copy of the checkout, `differences.py`
compares, `prose.py` compares numbers in running text with the tables, `session.py` does it all.
"""

from ipa_gym.reproduction.claims import Claims, find_checkout, load_claims
from ipa_gym.reproduction.session import Reproduction, reproduce

__all__ = ["Claims", "Reproduction", "find_checkout", "load_claims", "reproduce"]
