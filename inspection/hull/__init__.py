"""Owns hull vision: synthetic ships and photographs, training data, the detector, findings, and the hull map.

Never flies, never judges a case: a person confirms every finding. No torch and no ultralytics at run time.
"""

from inspection.hull.batch import BatchResult, Rejected, detect_photos, photos_in
from inspection.hull.cells import HullCell
from inspection.hull.classes import ClassId, ClassInfo, class_table
from inspection.hull.crops import cut_crop
from inspection.hull.dataset import Labelled, export_dataset
from inspection.hull.draw import render_svg, to_geojson
from inspection.hull.evaluate import Evaluation, MethodScore, SplitName, evaluate_folder, labelled_pairs
from inspection.hull.findings import Detection, Finding
from inspection.hull.grade import Indication, indications
from inspection.hull.hullmap import HullMap, MapFinding, MapPlace, map_survey, survey_gsd, without_place
from inspection.hull.synth import ShipMarks, write_ship_file
from inspection.hull.train import TrainingPlan, WeightSet
from inspection.hull.train import export as convert_weights
from inspection.hull.train import prepare as prepare_training
from inspection.hull.train import train as train_model
from inspection.hull.truth import TruthScore, score_map
from inspection.hull.weights import ModelCard, model_part, read_card

__all__ = [
    "BatchResult",
    "ClassId",
    "ClassInfo",
    "Detection",
    "Evaluation",
    "Finding",
    "HullCell",
    "HullMap",
    "Indication",
    "Labelled",
    "MapFinding",
    "MapPlace",
    "MethodScore",
    "ModelCard",
    "Rejected",
    "ShipMarks",
    "SplitName",
    "TrainingPlan",
    "TruthScore",
    "WeightSet",
    "class_table",
    "convert_weights",
    "cut_crop",
    "detect_photos",
    "evaluate_folder",
    "export_dataset",
    "indications",
    "labelled_pairs",
    "map_survey",
    "model_part",
    "photos_in",
    "prepare_training",
    "read_card",
    "render_svg",
    "score_map",
    "survey_gsd",
    "to_geojson",
    "train_model",
    "without_place",
    "write_ship_file",
]
