"""Where a component runs: native for now; Docker and the IDE are entries to come."""
