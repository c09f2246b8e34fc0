"""The life of the container image, as packaging/tests/container tells it."""
