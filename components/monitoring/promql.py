"""PromQL about the server's counters.

A counter of this server is absent until it is above zero, has no labels of its own, and begins anew with the process
(crates/common/src/telemetry/metrics/prometheus.rs of Stalwart 0.16).
"""

from collections.abc import Sequence

ALWAYS_THERE = "server_memory"  # a gauge that every pod of the server has from its start


def grown(metric: str, selector: str, window: str) -> str:
    """By how much a counter of all pods has grown, also when it is there for the first time; 0 when it is absent.

    `increase` does not see the first value of a series. Where the pod was seen before and the counter was not, all of it is new.

    Args:
        metric: the counter.
        selector: its labels, such as `job="mail/stalwart"`.
        window: a duration of Prometheus, such as `900s`.
    """
    counter = f"{metric}{{{selector}}}"
    pod_was_seen = f"{ALWAYS_THERE}{{{selector}}} offset {window}"
    is_new = f"({counter} unless {counter} offset {window}) and on (namespace, pod) {pod_was_seen}"
    return f"(sum(({is_new}) or increase({counter}[{window}])) or vector(0))"


def all_grown(metrics: Sequence[str], selector: str, window: str) -> str:
    """The same of several counters together."""
    # Not with a pattern for the name: `increase` drops the name, and then all of them would be the same series.
    return "(" + " + ".join(grown(metric, selector, window) for metric in metrics) + ")"
