"""Data of components: snapshots, restore, and copies between placements."""
