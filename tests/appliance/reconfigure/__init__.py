"""Making everything follow from the configuration."""
