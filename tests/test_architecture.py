"""The design's rules, read from the source with ast: who imports whom, and house style."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FILES = sorted([*(ROOT / "src" / "qfb_gpu").rglob("*.py"), *(ROOT / "kernels").rglob("*.py")])
MAX_LINES = 400
MAX_FUNCTION_LINES = 60

SCHEMA = {
    "errors",
    "schema",
    "config",
    "engine",
    "ledger",
    "calendars",
    "currencies",
    "keys",
    "starting",
    "counted",
    "spelling",
}
STAGES = {"prepare", "payments", "profile", "models", "network", "finance"}
ENGINE = SCHEMA | {"backend", "qfb_kernels"}
COMPOSERS = {"pipeline", "tasks", "api", "parts"}
MAY_IMPORT = {
    **dict.fromkeys(SCHEMA, SCHEMA),
    "__init__": set(),
    "backend": SCHEMA | {"qfb_kernels"},
    "cluster": SCHEMA | {"backend"},
    "lake": ENGINE | {"cluster", "prepare"},  # ingest runs the recipe of a source
    **dict.fromkeys(STAGES, ENGINE),
    "report": SCHEMA | {"lake"},  # it reads gold
    "portfolio": SCHEMA,
    **dict.fromkeys(COMPOSERS, ENGINE | STAGES | {"lake", "cluster", "report", "tasks", "parts"}),
    "cli": SCHEMA | {"pipeline", "parts", "portfolio", "report", "lake"},
    "__main__": {"cli"},
    "plot": ENGINE | STAGES | {"api", "report"},
    "qfb_kernels": set(),
}
RAPIDS = {
    "cudf",
    "cupy",
    "cupyx",
    "cuml",
    "cugraph",
    "dask_cuda",
    "dask_cudf",
    "rmm",
    "pylibcugraph",
}
KERNEL_LIBRARIES = {"numba", "math", "operator"}


def part_of(path):
    """Return the folder, or the file, of the package that a file belongs to."""
    relative = path.relative_to(ROOT)
    if relative.parts[0] == "kernels":
        return "qfb_kernels"
    return owner(relative.parts[2].removesuffix(".py"))


def owner(name):
    """Return the part that a private package such as ``_portfolio`` belongs to."""
    return name if name.startswith("__") else name.removeprefix("_")


def imports(path):
    """Yield (line, absolute dotted name) of everything a file imports."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: import by absolute name"
            yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)


def functions(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return [n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)]


def each_file(files=FILES):
    return pytest.mark.parametrize("path", files, ids=lambda p: str(p.relative_to(ROOT)))


@each_file()
def test_imports_follow_the_design(path):
    part = part_of(path)
    assert part in MAY_IMPORT, f"{part} is new: say in {Path(__file__).name} what it may import"
    for line, name in imports(path):
        top, *rest = name.split(".")
        if top == "qfb_kernels":
            other = top
        elif top == "qfb_gpu" and rest[0] != "__version__":
            other = owner(rest[0])
        else:
            continue
        allowed = other == part or other in MAY_IMPORT[part]
        assert allowed, f"{path}:{line}: {part} may not import {other} ({name})"


@each_file()
def test_only_backend_and_cluster_import_rapids(path):
    tops = {name.split(".")[0] for _, name in imports(path)}
    if part_of(path) not in ("backend", "cluster"):
        assert not tops & RAPIDS, f"{path}: go through qfb_gpu.backend"


@each_file([path for path in FILES if part_of(path) == "qfb_kernels"])
def test_kernels_import_numba_and_math_only(path):
    tops = {name.split(".")[0] for _, name in imports(path)}
    assert tops <= KERNEL_LIBRARIES | {"__future__", "qfb_kernels", "typing", "collections"}


@each_file([path for path in FILES if part_of(path) in STAGES])
def test_stages_do_not_ask_which_backend_they_have(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    asks = [
        node.lineno
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and node.attr == "name"
        and isinstance(node.value, ast.Name)
        and node.value.id == "backend"
    ]
    assert not asks, f"{path}:{asks}: make the difference a function of backend.py"


@each_file()
def test_files_and_functions_stay_small(path):
    n_lines = len(path.read_text(encoding="utf-8").splitlines())
    assert n_lines <= MAX_LINES, f"{path} has {n_lines} lines; split it by meaning"
    for function in functions(path):
        size = function.end_lineno - function.lineno + 1
        assert size <= MAX_FUNCTION_LINES, f"{path}:{function.lineno}: {function.name} has {size}"


@each_file()
def test_public_functions_say_what_they_do(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    public = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_")
    ]
    hidden = {
        id(inner)
        for outer in ast.walk(tree)
        if isinstance(outer, ast.FunctionDef)
        or (isinstance(outer, ast.ClassDef) and outer.name.startswith("_"))
        for inner in ast.walk(outer)
        if inner is not outer
    }
    for node in public:
        if id(node) in hidden:
            continue
        assert ast.get_docstring(node), f"{path}:{node.lineno}: {node.name} has no docstring"


@each_file()
def test_every_raise_has_a_message(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.Raise) or node.exc is None:
            continue
        if isinstance(node.exc, ast.Call):
            assert node.exc.args, f"{path}:{node.lineno}: say what was expected, what came"
        elif isinstance(node.exc, ast.Name):  # a caught error raised again is fine, a class is not
            assert not node.exc.id[0].isupper(), f"{path}:{node.lineno}: raise with a message"


def test_no_rag_bags():
    names = {path.stem for path in FILES}
    assert not names & {"utils", "helpers", "common", "misc"}
