"""Data of components: put aside, restored, and moved between placements."""
