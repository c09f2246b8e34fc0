"""What owners do with the packages, in systems made for it: each module is one story, run as root."""
