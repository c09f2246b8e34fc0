"""Nobody does with the pages what they may not do."""
