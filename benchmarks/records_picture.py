"""Every batch on every replica for a minute: docs/figures/records_lanes.png, the run of docs/records.md.

python benchmarks/records_picture.py
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from benchmarks.published_runs import ROOT, play
from ipa_gym.env import PipelineEnv
from ipa_gym.policies import make_policy
from ipa_gym.recording import lanes_figure, recorded_run

PICTURE = ROOT / "docs" / "figures" / "records_lanes.png"


def main() -> None:
    """Play and draw."""
    env = PipelineEnv("video", "bursty", record=True)
    play(env, make_policy("ipa-exact", env), seed=1)
    lanes_figure(recorded_run(env.simulator, env.rows), start_s=545, stop_s=605).savefig(PICTURE, dpi=110)


if __name__ == "__main__":
    main()
