"""The portal dialects of EMIAS as seen in the wild: booking on emias.info, the record on lk (facts/emias.md §1)."""
