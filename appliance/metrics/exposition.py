"""All metrics in the text format of Prometheus."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from appliance.metrics.folder import collected
from appliance.metrics.states import states
from appliance.version import VERSION


class _Everything(Collector):
    def collect(self) -> Iterator[Metric]:
        """What was counted by all processes, and what there is now."""
        yield from collected()
        for state in states():
            yield GaugeMetricFamily(state.name, state.help, value=state.value)
        version = GaugeMetricFamily("hearth_version", "The version that runs.", labels=["version"])
        version.add_metric([VERSION], 1)
        yield version


def exposition() -> bytes:
    """The metrics as text, as of now."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Everything())
    return generate_latest(registry)
