"""Public data sets by name: downloads that resume, are verified, and unpack nothing outside of their folder."""
