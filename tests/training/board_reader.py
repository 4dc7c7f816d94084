"""Reads a run's event files back, with TensorBoard's own reader."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.image import imread
from numpy.typing import NDArray
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.custom_scalar import layout_pb2
from tensorboard.plugins.hparams import plugin_data_pb2

EVERYTHING = {"scalars": 0, "histograms": 0, "images": 0, "tensors": 0}  # 0: no point is left out


class Board:
    """What TensorBoard finds in a run folder."""

    def __init__(self, folder: Path) -> None:
        self.events: Any = EventAccumulator(str(folder), size_guidance=EVERYTHING)
        self.events.Reload()
        self.tags: dict[str, list[str]] = self.events.Tags()

    def curve(self, tag: str) -> dict[int, float]:
        """Step -> value."""
        return {event.step: event.value for event in self.events.Scalars(tag)}

    def picture(self, tag: str) -> NDArray[Any]:
        """The newest picture, decoded."""
        return np.asarray(imread(io.BytesIO(self.events.Images(tag)[-1].encoded_image_string), format="png"))

    def histograms(self, tag: str) -> list[tuple[int, dict[float, float]]]:
        """Step, and right end of each bucket -> count, where it is not empty."""
        return [
            (event.step, {limit: n for limit, n in zip(h.bucket_limit, h.bucket, strict=True) if n})
            for event in self.events.Histograms(tag)
            for h in [event.histogram_value]
        ]

    def charts(self) -> dict[str, list[str]]:
        """Title of each chart of the custom scalars page -> patterns of its tags."""
        (event,) = self.events.Tensors("custom_scalars__config__")
        layout = layout_pb2.Layout.FromString(event.tensor_proto.string_val[0])
        return {chart.title: list(chart.multiline.tag) for category in layout.category for chart in category.chart}

    def hyperparameters(self) -> tuple[dict[str, Any], list[str]]:
        """Values, and the tags of the metrics beside them."""
        data = {
            tag: plugin_data_pb2.HParamsPluginData.FromString(content)
            for tag, content in self.events._plugin_to_tag_to_content["hparams"].items()
        }
        start = data["_hparams_/session_start_info"].session_start_info
        values = {name: getattr(v, v.WhichOneof("kind")) for name, v in start.hparams.items()}
        metrics = data["_hparams_/experiment"].experiment.metric_infos
        return values, [metric.name.tag for metric in metrics]
