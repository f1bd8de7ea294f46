"""Small language models bundled with the package; inference in numpy."""
