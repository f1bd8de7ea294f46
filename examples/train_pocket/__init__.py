"""Train the pocket models from nothing: `python -m examples.train_pocket`."""
