"""From predicted and true poses to numbers: metrics, named protocols, and reports that say how they were made."""

from lift3d.evaluation.bones import bone_distances, bone_spreads, illegal_angles
from lift3d.evaluation.compare import evaluate
from lift3d.evaluation.labelled import evaluate_samples
from lift3d.evaluation.lifted import clips_of_protocols, lift_pairs
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
from lift3d.evaluation.protocols import Protocol, everyone, get_protocol, protocol_names, published_protocols
from lift3d.evaluation.report import EvaluationReport, Row
from lift3d.evaluation.samples import PoseSamples, read_samples, write_samples
from lift3d.evaluation.summary import ProtocolReports, evaluate_protocols

__all__ = [
    "ALIGNMENTS",
    "AUC_THRESHOLDS",
    "EvaluationReport",
    "PoseSamples",
    "Protocol",
    "ProtocolReports",
    "Row",
    "auc",
    "bone_distances",
    "bone_spreads",
    "clips_of_protocols",
    "coverage",
    "evaluate",
    "evaluate_protocols",
    "evaluate_samples",
    "everyone",
    "get_protocol",
    "illegal_angles",
    "joint_auc",
    "joint_distances",
    "joint_hits",
    "joint_velocity_distances",
    "lift_pairs",
    "mpjpe",
    "mpjve",
    "n_mpjpe",
    "pa_mpjpe",
    "pck3d",
    "protocol_names",
    "published_protocols",
    "read_samples",
    "rigid_mpjpe",
    "write_samples",
]
