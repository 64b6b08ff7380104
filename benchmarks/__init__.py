"""The benchmark: trixter beside its peers, in one run. See README.md in this folder."""
