"""The administrators' API beside what the pages do."""
