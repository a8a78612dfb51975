"""`make chaos`: SIGKILLs under life, or with `--faults` every effect of the stand in turn; the rest is either's own."""

from __future__ import annotations

import asyncio
import sys

from flows import every_fault, kills

if __name__ == "__main__":
    if "--faults" in sys.argv:
        sys.argv.remove("--faults")
        every_fault.main()
    else:
        sys.exit(asyncio.run(kills.main()))
