"""What Hearth counts and measures of itself: for Prometheus, and for the graphs on its own pages."""
