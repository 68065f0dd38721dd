"""The command line: `python -m benchmarks --help`."""

from __future__ import annotations

import argparse
import json
import signal
import sys
import time
import traceback
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from . import __doc__ as method, contenders, machine, plot, table
from .clients.load import HOW_TO_GET_WRK, Generator, find_load
from .peers import Peers
from .results import Row
from .run import FULL, QUICK, Progress, Run
from .scenarios import SCENARIOS


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what was asked for; return 1 if a scenario failed, whatever the figures."""
    asked = _parser().parse_args(arguments)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # servers are stopped either way
    machine.open_files()
    progress = Progress()
    run = Run(QUICK if asked.quick else FULL, find_load(), progress, Peers(progress))
    began = time.monotonic()
    with machine.pinned((machine.LOAD_CORE,)):
        rows, failed = _measure(run, asked.only or list(SCENARIOS))
    seconds = time.monotonic() - began
    about = _about(run)
    print(table.render(rows), "", *(f"{name}: {text}" for name, text in about.items()), sep="\n")
    print(f"took: {seconds:.0f} s", *(f"failed: {name}" for name in failed), sep="\n")
    if asked.json:
        told = {"about": about, "seconds": seconds, "failed": failed, "rows": [_as_json(row) for row in rows]}
        asked.json.write_text(json.dumps(told, indent=2, ensure_ascii=False) + "\n")
    if asked.plot:
        asked.plot.write_text(plot.render(rows))
    return 1 if failed else 0


def _measure(run: Run, names: Sequence[str]) -> tuple[list[Row], list[str]]:
    rows: list[Row] = []
    failed: list[str] = []
    theft = machine.Theft()
    for name in names:
        run.progress.scenario = name
        try:
            found = SCENARIOS[name](run)
            stolen = theft.share()
            rows += [replace(row, stolen=stolen) for row in found]
        except KeyboardInterrupt:
            failed.append(f"{name} was interrupted")
            break
        except Exception:  # noqa: BLE001 - what one scenario meets must not cost the others' figures
            traceback.print_exc()
            failed.append(name)
    return rows, failed


def _about(run: Run) -> dict[str, str]:
    load = run.load.name + (f" ({HOW_TO_GET_WRK})" if isinstance(run.load, Generator) else "")
    speed = "uvloop and httptools" if contenders.FAST else "asyncio and h11: the extra `speed` is not installed"
    rounds = f"{run.effort.rounds} rounds of {run.effort.seconds:g} s"
    effort = rounds if run.effort.full else f"{rounds}, small sizes: good for crashes, not for verdicts"
    return {**machine.describe(), "servers": f"uvicorn with {speed}", "load": load, "effort": effort}


def _as_json(row: Row) -> dict[str, Any]:
    derived = {
        "ratio": row.ratio,
        "ratio_to_limit": row.ratio_to_limit,
        "ratio_by_time": row.ratio_by_time,
        "verdict": row.verdict,
        "notes": row.notes,
    }
    return {**asdict(row), **derived}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description=method, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    scenarios = "\n".join(
        f"  {name:<14} {(scenario.__doc__ or '').partition('.')[0]}" for name, scenario in SCENARIOS.items()
    )
    parser.epilog = f"scenarios:\n{scenarios}\n\nThe exit status says whether everything ran, never how fast."
    parser.add_argument("--quick", action="store_true", help="one short round at small sizes, to see that all works")
    parser.add_argument(
        "--only", action="append", choices=SCENARIOS, metavar="NAME", help="one scenario; may be repeated"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every round's figure there")
    parser.add_argument("--plot", type=Path, metavar="FILE.svg", help="draw how far each budget was met")
    return parser


if __name__ == "__main__":
    sys.exit(main())
