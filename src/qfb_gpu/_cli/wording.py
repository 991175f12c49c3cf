"""Help texts that several commands share."""

from __future__ import annotations

HELP = """量化帮: turn a bank's raw tables into customer profiles, every night.

Try the product with `qfb demo`. For your own tables:

1. write a config (a TOML file; demo/qfb.toml is one to start from)
2. test it with `qfb check`
3. run it with `qfb run`
4. look at the results with `qfb show`, or in report.html

`qfb COMMAND --help` explains a command.

Exit codes:
0 done
1 an error that nobody foresaw, or the command's words could not be written
2 the config, an option or an input is wrong; one line says what to do
3 stopped midway, or another process writes to the same folder: the same command goes on
"""
CONFIG = "the config: a TOML file, such as demo/qfb.toml"
OUT = "the output folder of a run, such as demo/out"
DEVICE = "auto (a GPU if there is a working one, else the CPU), cpu or gpu"
SET = "change a key of the config: KEY=VALUE, e.g. payments.horizon_days=30; may be repeated"
ROWS = "rows to print at most"
