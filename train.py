"""Train an agent: ``python train.py --env video --agent ppo``. The same as ``ipa-gym train``; see --help."""

import sys

from ipa_gym.cli import main

main(["train", *sys.argv[1:]])
