"""On a GPU: every stage of the core and every step of every part answers as on the CPU.

The steps are those of ``benchmarks/gpu_round.py``, which times them, too; each starts from what the
CPU's night left. Where there is no GPU, ``test_gpu_round.py`` sends them through a stand-in.
"""

from pathlib import Path

import pytest

from qfb_gpu.calendars import load_calendar


@pytest.fixture
def every_step(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(Path(__file__).parents[1] / "benchmarks"))
    from gpu_nights import all_sources
    from gpu_parts import cpu_night, steps
    from gpu_stages import CoreSteps

    data = tmp_path / "data"
    data.mkdir()
    before = cpu_night(all_sources(24, data, is_tiny=True))
    night = before.night
    shared = {"lake": night.lake, "bucket": before.bucket, "day": night.as_of_day}
    core = CoreSteps({**shared, "calendar": load_calendar(night.calendar)})
    return core.all(), steps(before), core.keep


@pytest.mark.gpu
def test_every_step_answers_as_on_the_cpu(gpu, cpu, every_step):
    from gpu_steps import failed, measured

    core, parts, keep = every_step
    wrong = {}
    for name, step in {**core, **parts}.items():
        of_core = (lambda answer, n=name: keep(n, answer)) if name in core else None
        row = measured(step, cpu, gpu, repeats=1, copy_rate=None, keep=of_core)
        if failed(row):
            wrong[name] = row.get("traceback") or row["differences"]
    assert not wrong, "\n\n".join(f"{name}: {what}" for name, what in wrong.items())
