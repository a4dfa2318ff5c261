"""Published checkpoints -> networks of lift3d, one file per publication, each declaring ``IMPORTER``."""

from lift3d.importers._import import all_importers, import_networks

__all__ = ["all_importers", "import_networks"]
