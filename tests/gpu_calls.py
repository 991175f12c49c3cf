"""Find every call of a GPU library in the source, by ast: its name, arguments and place.

``cupy.unique`` is found as ``cp.unique``, as ``xp.unique`` where a stage took ``xp`` from its
backend, and as ``backend.xp.unique``; likewise ``xdf`` is cuDF and ``self.fft`` is
cupyx.scipy.fft. ``graph = cugraph.Graph(...)`` makes ``graph.f`` a method of that class.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass

LIBRARIES = ("cudf", "cupy", "cupyx", "cuml", "cugraph", "dask_cuda", "rmm")
HANDLES = {"xp": "cupy", "xdf": "cudf", "fft": "cupyx.scipy.fft"}


@dataclass(frozen=True)
class Call:
    """One call, or (``n_positional`` None) one mention, of a library's name."""

    name: str
    n_positional: int | None
    keywords: tuple[str, ...]
    is_open: bool  # has *args or **kwargs
    place: str


def find_calls(path, root):
    """Return the calls and mentions of GPU libraries in one file."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    finder = _Finder(str(path.relative_to(root)), _imported(tree))
    finder.visit(tree)
    return finder.found


def _imported(tree):
    """Return {local name: dotted name} of what a file imports from the libraries."""
    names = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.split(".")[0] in LIBRARIES:
                    local = alias.asname or alias.name.split(".")[0]
                    names[local] = alias.name if alias.asname else local
        elif isinstance(node, ast.ImportFrom) and node.module.split(".")[0] in LIBRARIES:
            for alias in node.names:
                names[alias.asname or alias.name] = f"{node.module}.{alias.name}"
    return names


class _Finder(ast.NodeVisitor):
    def __init__(self, file, imported):
        self._file = file
        self._names = imported
        self._called = set()
        self.found = []

    def visit_Assign(self, node):
        self.generic_visit(node)
        target = node.targets[0]
        if isinstance(target, ast.Name) and isinstance(node.value, ast.Call):
            name = self._dotted(node.value.func)
            if name and name.rpartition(".")[2][:1].isupper():  # an instance of a class
                self._names = {**self._names, target.id: name}

    def visit_Call(self, node):
        self._called.add(node.func)
        if name := self._dotted(node.func):
            keywords = tuple(keyword.arg for keyword in node.keywords if keyword.arg)
            starred = any(isinstance(argument, ast.Starred) for argument in node.args)
            is_open = starred or len(keywords) < len(node.keywords)
            self._add(name, node, len(node.args) - starred, keywords, is_open=is_open)
        self.generic_visit(node)

    def visit_Attribute(self, node):
        name = None if node in self._called else self._dotted(node)
        if name:
            self._add(name, node, None, (), is_open=False)
        else:
            self.generic_visit(node)

    def _add(self, name, node, n_positional, keywords, *, is_open):
        place = f"{self._file}:{node.lineno}"
        self.found.append(Call(name, n_positional, keywords, is_open, place))

    def _dotted(self, node):
        """Return the library's dotted name of an expression, or None."""
        parts = []
        while isinstance(node, ast.Attribute):
            if node.attr in HANDLES and parts:
                return ".".join([HANDLES[node.attr], *reversed(parts)])
            parts.append(node.attr)
            node = node.value
        if not isinstance(node, ast.Name):
            return None
        root = self._names.get(node.id) or (HANDLES.get(node.id) if parts else None)
        return ".".join([root, *reversed(parts)]) if root else None
