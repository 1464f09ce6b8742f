"""A subscriber of its own, for the test that kills one: notes each event in a file, and hangs after the named one."""

import sys
from pathlib import Path

from core import events
from core.db import Database


def main(data_dir: Path, notes: Path, hang_after: str) -> None:
    def handle(event: events.Event) -> None:
        with notes.open("a") as out:
            out.write(f"{event.type}\n")
        print(event.type, flush=True)
        if event.type == hang_after:
            sys.stdin.read()  # handled, but the cursor has not moved

    events.deliver(Database(data_dir), "child", handle)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])
