"""What is ready to run here: weights and their state, the machine and what it lacks."""
