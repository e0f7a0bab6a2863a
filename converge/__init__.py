"""What changes: the loop that takes a machine from what it is to what `desired_state.toml` says."""
