"""Every CUDA kernel, without a GPU: registered, simulated, and compiled for 9.0."""

import ast
import re
import sys
from importlib import import_module
from pathlib import Path

import kernel_resources
import pytest

KERNEL_FILES = sorted((Path(__file__).parents[1] / "kernels" / "qfb_kernels").glob("*.py"))
KERNELS = kernel_resources.registered()
RECIPE = "see the recipe at the top of tests/simulate.py"


def launchers(path):
    """Return the functions of a file that are kernels: cuda.jit, but not device=True."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in tree.body:
        if isinstance(node, ast.FunctionDef):
            for decorator in node.decorator_list:
                text = ast.unparse(decorator)
                if text.startswith("cuda.jit") and "device=True" not in text:
                    yield f"{path.stem}.{node.name}"


@pytest.mark.parametrize("path", KERNEL_FILES, ids=lambda path: path.stem)
def test_every_launcher_is_registered(path):
    found = set(launchers(path))
    assert all(name.endswith("_gpu") for name in found), found
    missing = found - KERNELS.keys()
    assert not missing, f"add {missing} to qfb_kernels/registry.py; {RECIPE}"
    for name in found:
        module = import_module(f"qfb_kernels.{path.stem}")
        twin = name.rpartition(".")[2].removesuffix("_gpu") + "_cpu"
        assert hasattr(module, twin), f"{name} has no CPU launcher {twin}"


def test_every_registered_kernel_is_there():
    assert set(KERNELS) <= {name for path in KERNEL_FILES for name in launchers(path)}


def test_every_kernel_ran_in_the_simulator(request, simulated_kernels):
    options = request.config.option
    if options.keyword or options.markexpr or request.config.args_source.name == "ARGS":
        pytest.skip("part of the tests was chosen: `make test` runs all, and then checks this")
    missing = KERNELS.keys() - simulated_kernels
    assert not missing, f"no test marked cudasim launched {missing}; {RECIPE}"


@pytest.mark.parametrize("name", sorted(KERNELS))
def test_compiles_to_ptx_for_9_0(name):
    ptx = kernel_resources.compile_ptx(name, KERNELS[name])
    assert ".target sm_90" in ptx
    assert ".version 9.0" in ptx  # what a CUDA 13.0 driver reads
    assert f"{name.rpartition('.')[2]}" in ptx
    fusible = re.findall(r"\b(?:mul|add|sub)\.f(?:32|64)\b", ptx)
    assert not fusible, "a product and a sum may become one operation, which they do not on a host"


def given(key, resources):
    """Return what a thread gets of a resource: registers by eights, a few more of them or not."""
    return -(-resources[key] // 8) if key == "registers" else resources[key]


def is_worse(key, now, kept, python=sys.version_info[:2]):
    """Return whether a kernel needs more of a resource than is kept.

    That is of Python 3.11. What Numba makes of a body differs a little from one Python to the
    next: of another one, eight registers more are no worse.
    """
    leeway = key == "registers" and python != (3, 11)
    return given(key, now) > given(key, kept) + leeway


def test_another_python_may_take_a_few_registers_more():
    kept, more = {"registers": 135, "stack_bytes": 0}, {"registers": 137, "stack_bytes": 8}
    assert is_worse("registers", more, kept, (3, 11))
    assert not is_worse("registers", more, kept, (3, 12))
    assert is_worse("registers", {"registers": 145}, kept, (3, 12))
    assert is_worse("stack_bytes", more, kept, (3, 12))


@pytest.mark.parametrize("name", sorted(KERNELS))
def test_registers_and_spills_are_no_worse_than_kept(name):
    ptxas = kernel_resources.find_ptxas()
    if ptxas is None:
        pytest.skip(f"ptxas is missing: install {kernel_resources.PTXAS_WHEEL}")
    now = kernel_resources.assemble(ptxas, kernel_resources.compile_ptx(name, KERNELS[name]))
    kept = kernel_resources.kept().get(name)
    assert kept is not None, "keep it: python tests/kernel_resources.py, and commit the report"
    worse = {key: (kept[key], now[key]) for key in now if is_worse(key, now, kept)}
    assert not worse, f"(kept, now): {worse}; if meant, run python tests/kernel_resources.py"
