"""What goes on: components started, watched, moved and stopped, after converge has ended."""
