"""From predicted and true joints to numbers: metrics, named protocols, and reports that say how they were made."""

from lift3d.evaluation.bones import bone_distances, bone_spreads, illegal_angles
from lift3d.evaluation.compare import evaluate
from lift3d.evaluation.keypoint_ap import keypoint_ap
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
from lift3d.evaluation.multiview_results import evaluate_multiview, read_multiview_results
from lift3d.evaluation.pictures import PictureReport, evaluate_pictures
from lift3d.evaluation.predicted_people import (
    PredictedPeople,
    predicted_in_pictures,
    read_predicted_people,
    write_coco_results,
)
from lift3d.evaluation.protocols import (
    Protocol,
    everyone,
    get_protocol,
    protocol_names,
    protocols_named,
    published_protocols,
)
from lift3d.evaluation.report import EvaluationReport, Row
from lift3d.evaluation.samples import PoseSamples, read_samples, write_samples
from lift3d.evaluation.summary import ProtocolReports, evaluate_protocols

__all__ = [
    "ALIGNMENTS",
    "AUC_THRESHOLDS",
    "EvaluationReport",
    "PictureReport",
    "PoseSamples",
    "PredictedPeople",
    "Protocol",
    "ProtocolReports",
    "Row",
    "auc",
    "bone_distances",
    "bone_spreads",
    "clips_of_protocols",
    "coverage",
    "evaluate",
    "evaluate_multiview",
    "evaluate_pictures",
    "evaluate_protocols",
    "evaluate_samples",
    "everyone",
    "get_protocol",
    "illegal_angles",
    "joint_auc",
    "joint_distances",
    "joint_hits",
    "joint_velocity_distances",
    "keypoint_ap",
    "lift_pairs",
    "mpjpe",
    "mpjve",
    "n_mpjpe",
    "pa_mpjpe",
    "pck3d",
    "predicted_in_pictures",
    "protocol_names",
    "protocols_named",
    "published_protocols",
    "read_multiview_results",
    "read_predicted_people",
    "read_samples",
    "rigid_mpjpe",
    "write_coco_results",
    "write_samples",
]
