"""Where a run's curves go: stable-baselines3's logger with the event file of TensorBoard in the run folder itself.

So ``tensorboard --logdir runs`` names each run ENV/AGENT/seed-S. What is logged: `metrics_callback.py` and
`evaluation_board.py`; losses come from stable-baselines3. docs/tensorboard.md says what each chart means.
"""

from __future__ import annotations

from pathlib import Path

from stable_baselines3.common.logger import KVWriter, Logger, TensorBoardOutputFormat
from tensorboard.compat.proto.event_pb2 import Event, SessionLog  # type: ignore[import-untyped]  # generated
from torch.utils.tensorboard import SummaryWriter


def make_logger(folder: Path, *, tensorboard: bool = True, resumed_at: int | None = None) -> Logger:
    """The logger of a run, for ``model.set_logger``.

    Args:
        folder: the run folder; made if it is missing.
        tensorboard: write an event file; without it nothing is written.
        resumed_at: steps at which a stopped run goes on: TensorBoard forgets what was logged after them.
    """
    formats: list[KVWriter] = [_event_file(folder, resumed_at)] if tensorboard else []
    return Logger(str(folder), formats)


def _event_file(folder: Path, resumed_at: int | None) -> TensorBoardOutputFormat:
    output = TensorBoardOutputFormat(str(folder))
    if resumed_at is not None:
        start = Event(step=resumed_at + 1, session_log=SessionLog(status=SessionLog.START))
        output.writer._get_file_writer().add_event(start)  # type: ignore[no-untyped-call]  # torch's
    return output


def board_of(logger: Logger) -> SummaryWriter | None:
    """The logger's writer of TensorBoard events; None if it has none."""
    for output in logger.output_formats:
        if isinstance(output, TensorBoardOutputFormat):
            return output.writer
    return None
