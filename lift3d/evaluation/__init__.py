"""From predicted and true poses to numbers: metrics, named protocols, and reports that say how they were made."""

from lift3d.evaluation.compare import evaluate, evaluate_samples
from lift3d.evaluation.metrics import (
    ALIGNMENTS,
    AUC_THRESHOLDS,
    auc,
    coverage,
    joint_auc,
    joint_distances,
    joint_hits,
    joint_velocity_distances,
    mpjpe,
    mpjve,
    n_mpjpe,
    pa_mpjpe,
    pck3d,
    rigid_mpjpe,
)
from lift3d.evaluation.protocols import Protocol, get_protocol, protocol_names
from lift3d.evaluation.report import EvaluationReport, Row

__all__ = [
    "ALIGNMENTS",
    "AUC_THRESHOLDS",
    "EvaluationReport",
    "Protocol",
    "Row",
    "auc",
    "coverage",
    "evaluate",
    "evaluate_samples",
    "get_protocol",
    "joint_auc",
    "joint_distances",
    "joint_hits",
    "joint_velocity_distances",
    "mpjpe",
    "mpjve",
    "n_mpjpe",
    "pa_mpjpe",
    "pck3d",
    "protocol_names",
    "rigid_mpjpe",
]
