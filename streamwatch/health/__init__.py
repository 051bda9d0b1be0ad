"""The state of the daemon: one snapshot, shown as sentences, as a table, as JSON and to Prometheus.

daemon ──Snapshot──▶ health_app     /healthz, /metrics on loopback
       └──Snapshot──▶ status.json   ──▶ the verb `status`, also when no port is open or the daemon is gone
"""

from streamwatch.health.judgement import health, notices, troubles
from streamwatch.health.metrics import render_metrics
from streamwatch.health.reloads import reload_sentences
from streamwatch.health.snapshot import (
    BreakerHealth,
    BudgetUse,
    CameraFinding,
    CameraHealth,
    ConsoleHealth,
    DatabaseHealth,
    DiskHealth,
    InFlightHealth,
    OutboxHealth,
    ReceiverHealth,
    ReloadReport,
    Snapshot,
)
from streamwatch.health.status import STATUS_FILE, Status, read_status, status_json, status_table, write_status

__all__ = [
    "STATUS_FILE",
    "BreakerHealth",
    "BudgetUse",
    "CameraFinding",
    "CameraHealth",
    "ConsoleHealth",
    "DatabaseHealth",
    "DiskHealth",
    "InFlightHealth",
    "OutboxHealth",
    "ReceiverHealth",
    "ReloadReport",
    "Snapshot",
    "Status",
    "health",
    "notices",
    "read_status",
    "reload_sentences",
    "render_metrics",
    "status_json",
    "status_table",
    "troubles",
    "write_status",
]
