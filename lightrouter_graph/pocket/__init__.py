"""Small real language models that come with the package, run in numpy alone."""
