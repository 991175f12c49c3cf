"""Host bodies that are only ever called by compiled code, compiled as little as that takes.

Numba makes every function ready for a call from Python: a wrapper, all optimisations, machine
code. A body of a kernel needs none of that by itself: its instructions are linked into the
launcher that calls it and optimised there, once, with everything that is around them. So it stops
after the function-level passes, and a kernel compiles in half of the time.

To the launcher they are its own: LLVM leaves out of their calls what no body reads (an array is
seven words and more, of which two are read), and puts a body that is called once into its caller.

Numba says how to put a compiler pipeline together (``numba.core.compiler.CompilerBase``); which
methods a code library has to leave out is its internal matter: with a Numba of another version than
the one this was written for, bodies are compiled as Numba does by itself.
"""

from __future__ import annotations

from typing import Any

from numba import __version__, njit
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import CompilerBase, DefaultPassBuilder
from numba.core.compiler_machinery import register_pass
from numba.core.typed_passes import NativeLowering

_WRITTEN_FOR = "0.64."
_OF_A_BODY = "linkonce_odr"  # how Numba has LLVM link what is compiled into several libraries


class _Library(JITCodeLibrary):  # type: ignore[misc]  # Numba has no types
    """Instructions to be linked into a caller's: no machine code of their own."""

    def _optimize_final_module(self) -> None:
        """Leave that to the caller's library, which has this one's instructions too."""

    def _finalize_final_module(self) -> None:
        self._finalize_dynamic_globals()
        self._finalized = True


@register_pass(mutates_CFG=True, analysis_only=False)
class _Lowering(NativeLowering):  # type: ignore[misc]
    _name = "qfb_linked_lowering"

    def run_pass(self, state: Any) -> bool:
        """Lower a body into a library to be linked, and stand in for what Python would call."""
        name = state.func_id.func_qualname
        state.library = _Library(state.targetctx.codegen(), name)
        state.flags.no_compile = True
        super().run_pass(state)
        entry = _Entry(name)
        state.targetctx.insert_user_function(entry, state.cr.fndesc, [state.library])
        state.cr = state.cr._replace(cfunc=entry)
        return True


class _Whole(JITCodeLibrary):  # type: ignore[misc]
    """Instructions of a launcher and of the bodies that it calls, which nobody else calls."""

    def _optimize_final_module(self) -> None:
        """Optimise the bodies as what no other library can call."""
        for function in self._final_module.functions:
            if function.linkage.name == _OF_A_BODY and not function.is_declaration:
                function.linkage = "private"  # internal ones are found by name, with all arguments
        super()._optimize_final_module()


@register_pass(mutates_CFG=True, analysis_only=False)
class _LauncherLowering(NativeLowering):  # type: ignore[misc]
    _name = "qfb_launcher_lowering"

    def run_pass(self, state: Any) -> bool:
        """Lower a launcher into a library that keeps its bodies to itself."""
        state.library = _Whole(state.targetctx.codegen(), state.func_id.func_qualname)
        state.library.enable_object_caching()
        done: bool = super().run_pass(state)
        return done


class _Entry:
    """Stands for a body where Numba keeps what Python would call."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __call__(self, *_arguments: Any) -> None:
        msg = f"{self._name} is compiled for kernels only; call it through its twin"
        raise TypeError(msg)


class _Compiler(CompilerBase):  # type: ignore[misc]
    lowering = _Lowering

    def define_pipelines(self) -> list[Any]:
        """Return Numba's own passes with another last step."""
        passes = DefaultPassBuilder.define_nopython_pipeline(self.state)
        ours = {NativeLowering: self.lowering}
        passes.passes = [(ours.get(step, step), what) for step, what in passes.passes]
        passes.finalize()
        return [passes]


class _LauncherCompiler(_Compiler):
    lowering = _LauncherLowering


def launcher(body: Any) -> Any:
    """Compile a launcher over rows: kept on disk, it does not hold Python's lock."""
    options = {
        "nogil": True, "cache": True, "error_model": "numpy", "_nrt": False,
        "no_cfunc_wrapper": True,
    }  # fmt: skip
    if __version__.startswith(_WRITTEN_FOR):
        options["pipeline_class"] = _LauncherCompiler
    return njit(**options)(body)


def linked(body: Any, *, inline: bool = False) -> Any:
    """Compile a body for compiled callers; ``inline`` puts it into each of them."""
    options = {"error_model": "numpy", "_nrt": False, "no_cfunc_wrapper": True}
    if not __version__.startswith(_WRITTEN_FOR):
        return njit(**options, forceinline=inline)(body)
    options |= {"no_cpython_wrapper": True, "pipeline_class": _Compiler}
    made = njit(**options, forceinline=inline)(body)
    # what Numba adds to it else is the way in from Python, of which it wants a C function
    made.add_overload = lambda found: made.overloads.__setitem__(tuple(found.signature.args), found)
    return made
