"""A job process of its own, for the test that kills one: runs the kind ``survey`` over three pictures.

Prints ``step N`` when a step begins. With the argument ``hang`` the second picture waits on stdin, which never comes.
"""

import sys
import threading
from pathlib import Path

from config import load_settings
from core import journal
from core.clock import SystemClock
from core.context import Services
from core.db import Database
from core.files import FileStore
from core.job_runner import JobRun, JobRunner
from core.jobs import JobState, get


def main(data_dir: Path, mode: str) -> None:
    settings = load_settings({"data_dir": str(data_dir)}, environ={})
    db = Database(data_dir)
    services = Services(settings, db, FileStore(data_dir / "files"), SystemClock())

    def survey(run: JobRun) -> None:
        found = []
        for number in range(3):
            found.append(run.step(f"picture-{number}", lambda number=number: look(number)))
            run.progress(number + 1, 3)
        with run.finish({"found": found}) as session:
            journal.append(
                session, services.clock, stream="survey", actor="job", action="survey.done", payload={"found": found}
            )

    def look(number: int) -> int:
        print(f"step {number}", flush=True)
        if mode == "hang" and number == 1:
            sys.stdin.read()
        return number * 10

    runner = JobRunner(services, {"survey": survey})
    runner.start()
    stop = threading.Event()

    def watch() -> None:
        while not stop.wait(0.05):
            with db.read() as session:
                if get(session, "survey-1").state in (JobState.DONE, JobState.FAILED):
                    stop.set()

    threading.Thread(target=watch, daemon=True).start()
    runner.run(stop)
    runner.stop()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
