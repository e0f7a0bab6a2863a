"""The tool as an installed package; all of it is in the directory `tool`."""
