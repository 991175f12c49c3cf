"""Run on the host what numba-cuda makes of a kernel for a device, and compare with the CPU's answer.

Numba lowers a body for a device by code of its own: division, remainders, shifts, casts and
comparisons of mixed types are written there a second time. What it makes, before NVVM turns it into
PTX, is LLVM's language, which LLVM can compile for the host as well: a kernel here has no shared
memory, no atomics and no barriers, so its threads may run one after the other. ``__nv_log`` and the
like are the C library's; libdevice's have other last bits, so each launch is run once more with
some bits of the last place changed, where no integer may change. What NVVM and ptxas do after that
is not seen.

``python tests/lowered.py FOLDER`` scores a bucket of payments and every part of all sources on
the stand-in, runs each launch these ways from equal arrays, and prints a line of JSON: launches and
differing arguments by kernel. It needs a process of its own, as LLVM here reads pointers without
types and Numba writes them with types by default.
"""

import ctypes
import json
import os
import re
import sys
from functools import cache
from importlib import import_module
from pathlib import Path

os.environ["LLVMLITE_ENABLE_IR_LAYER_TYPED_POINTERS"] = "0"
sys.path += [str(Path(__file__).parent), str(Path(__file__).parents[1] / "benchmarks")]

import llvmlite.binding as llvm
import numpy as np

SCRATCH = {"search.search_gpu": (12, 14)}
"""Arguments that hold what a lane did last, and lanes take other rows on a host."""
HOST_SCRATCH = {"search.search_gpu": 14}
"""Scratch of a body that only the host has: a device gets one entry, and leaves it alone."""
_MORE = 3
"""Threads beyond the rows, as a last block has them: they may write nothing."""
_AROUND = """
@qfb_row = global i32 0
define i32 @qfb_tid() {{ ret i32 0 }}
define i32 @qfb_ntid() {{ ret i32 1 }}
define i32 @qfb_ctaid() {{
  %row = load i32, ptr @qfb_row
  ret i32 %row
}}
define i32 @__nv_isnand(double %x) {{
  %is = fcmp uno double %x, %x
  %r = zext i1 %is to i32
  ret i32 %r
}}
@qfb_undefined = global i64 0
@qfb_other = global i64 0
define void @qfb_note() {{
  %n = load i64, ptr @qfb_undefined
  %m = add i64 %n, 1
  store i64 %m, ptr @qfb_undefined
  ret void
}}
define i64 @qfb_whole(double %x) {{
  %low = fcmp oge double %x, 0xC3E0000000000000
  %high = fcmp olt double %x, 0x43E0000000000000
  %is = and i1 %low, %high
  br i1 %is, label %one, label %none
none:
  call void @qfb_note()
  ret i64 -9223372036854775808
one:
  %r = fptosi double %x to i64
  ret i64 %r
}}
{shifts}
declare void @"{entry}"({types})
define void @qfb_run(i64 %n, {arguments}) {{
entry:
  br label %next
next:
  %i = phi i64 [0, %entry], [%j, %body]
  %more = icmp slt i64 %i, %n
  br i1 %more, label %body, label %done
body:
  %row = trunc i64 %i to i32
  store i32 %row, ptr @qfb_row
  call void @"{entry}"({arguments})
  %j = add i64 %i, 1
  br label %next
done:
  ret void
}}
"""
_SHIFT = """
define i64 @qfb_{which}(i64 %x, i64 %by) {{
  %is = icmp ult i64 %by, 64
  br i1 %is, label %one, label %none
none:
  call void @qfb_note()
  ret i64 0
one:
  %r = {which} i64 %x, %by
  ret i64 %r
}}
"""
_SHIFTS = ("shl", "ashr", "lshr")
_ROUNDED = {"log": 1, "log1p": 1, "exp": 1, "expm1": 1, "sin": 1, "cos": 1, "pow": 2}
"""Functions of libdevice that kernels may call and that round as they like, by arguments."""
_LIKE_LIBDEVICE = """
@qfb_other = external global i64
declare double @{function}({types})
declare double @rint(double)
define double @__nv_{function}({arguments}) {{
  %r = call double @{function}({arguments})
  %bits = bitcast double %r to i64
  %x = bitcast double %a0 to i64
  %mixed = mul i64 %x, -7046029254386353131
  %high = lshr i64 %mixed, 40
  %third = urem i64 %high, 3
  %off = sub i64 %third, 1
  %other = load i64, ptr @qfb_other
  %some = mul i64 %off, %other
  %moved = add i64 %bits, %some
  %near = bitcast i64 %moved to double
  %n = call double @rint(double %r)
  %apart = fcmp one double %n, %r
  %answer = select i1 %apart, double %near, double %r
  ret double %answer
}}
"""
_CLOSE = 1e-6
"""Share of a float by which its last bits may move it, sums and differences included."""


def run(name, n_rows, arrays, *, other_bits=0):
    """Run a kernel's threads one after the other over ``n_rows`` rows, and some more.

    ``other_bits``: by how many units of the last place logarithms and the like may be off.

    Returns
    -------
    int
        How often so far a float that is no integer's became one, or a shift went too far: the
        host and a device give different numbers then.
    """
    address, types, engine = _compiled(name)
    kinds, values = [ctypes.c_int64], []
    for wanted, given in zip(types, arrays, strict=True):
        if isinstance(given, np.ndarray):
            values += [0, 0, given.size, given.itemsize, given.ctypes.data]
            values += [*given.shape, *given.strides]
            kinds += [ctypes.c_int64] * (5 + 2 * given.ndim)
        else:
            values.append(int(given))
            kinds.append(ctypes.c_uint8 if str(wanted) == "bool" else ctypes.c_int64)
    ctypes.c_int64.from_address(engine.get_global_value_address("qfb_other")).value = other_bits
    ctypes.CFUNCTYPE(None, *kinds)(address)(n_rows + _MORE, *values)
    return ctypes.c_int64.from_address(engine.get_global_value_address("qfb_undefined")).value


@cache
def _compiled(name):
    """Return the host address of a kernel's loop, the types it takes, and what keeps it there."""
    from numba.core.sigutils import normalize_signature
    from numba.cuda.dispatcher import _Kernel

    from qfb_kernels.registry import KERNELS

    _without_device()
    module, _, launcher = name.rpartition(".")
    kernel = getattr(import_module(f"qfb_kernels.{module}"), launcher)
    types = normalize_signature(KERNELS[name])[0]
    made = _Kernel(kernel.py_func, types, **kernel.targetoptions)
    whole, *others = [llvm.parse_assembly(_for_host(t)) for t in made._codelibrary.llvm_strs]
    for other in others:
        whole.link_in(other)
    takes = [str(a.type) for a in whole.get_function(made.entry_name).arguments]
    arguments = ", ".join(f"{t} %a{i}" for i, t in enumerate(takes))
    around = _AROUND.format(
        entry=made.entry_name,
        types=", ".join(takes),
        arguments=arguments,
        shifts="".join(_SHIFT.format(which=which) for which in _SHIFTS),
    )
    whole.link_in(llvm.parse_assembly(around))
    whole.verify()
    _give_functions(whole)
    machine = llvm.Target.from_default_triple().create_target_machine(opt=2)
    engine = llvm.create_mcjit_compiler(whole, machine)
    engine.finalize_object()
    return engine.get_function_address("qfb_run"), types, engine


@cache
def _without_device():
    from numba.cuda import codegen

    from qfb_gpu._backend import device_ahead, devices

    devices.complete_numpy()
    device_ahead.without_context("9.0", links=True)
    codegen.CUDACodeLibrary.get_asm_str = lambda *_: ""  # no PTX is wanted
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()


def _for_host(text):
    text = re.sub(r'target (datalayout|triple) = ".*"', "", text)
    text = re.sub(r"^!nvvm.*$", "", text, flags=re.MULTILINE)
    text = re.sub(r"= fptosi double (\S+) to i64", r"= call i64 @qfb_whole(double \1)", text)
    shift = r"= (shl|ashr|lshr) i64 (\S+), (%\S+)$"
    text = re.sub(shift, r"= call i64 @qfb_\1(i64 \2, i64 \3)", text, flags=re.MULTILINE)
    text += "\ndeclare i64 @qfb_whole(double)\n"
    text += "".join(f"declare i64 @qfb_{which}(i64, i64)\n" for which in _SHIFTS)
    return re.sub(r"llvm\.nvvm\.read\.ptx\.sreg\.(tid|ntid|ctaid)\.x", r"qfb_\1", text)


def _give_functions(whole):
    """Let the functions of libdevice that a kernel calls be those of the C library."""
    library = ctypes.CDLL("libm.so.6")
    wanted = [one.name for one in whole.functions if one.is_declaration]
    for name in (one for one in wanted if not one.startswith("llvm.")):
        plain = name.removeprefix("__nv_")
        if plain in _ROUNDED:
            arguments = [f"double %a{i}" for i in range(_ROUNDED[plain])]
            types = ", ".join("double" for _ in arguments)
            text = _LIKE_LIBDEVICE.format(
                function=plain, types=types, arguments=", ".join(arguments)
            )
            whole.link_in(llvm.parse_assembly(text))
        for symbol in (plain, "rint") if plain in _ROUNDED else (name,):
            own = getattr(library, symbol.removeprefix("__nv_"))  # fails where it has none
            llvm.add_symbol(symbol, ctypes.cast(own, ctypes.c_void_p).value)


def compared():
    """Let the stand-in run every launch both ways; return what is found, by kernel."""
    import stand_in

    found = {}
    plain_launch = stand_in.StandIn.launch

    def launch(self, cpu, gpu, n_rows, *arrays):
        if n_rows == 0:
            return
        name = f"{gpu.__module__.rpartition('.')[2]}.{gpu.__name__}"
        given = stand_in.to_plain(arrays)
        own, near = (_as_on_a_device(name, given) for _ in range(2))
        plain_launch(self, cpu, gpu, n_rows, *arrays)
        row = found.setdefault(name, dict(_NOTHING, differ=[], differ_by_last_bits=[]))
        row["undefined"] = run(name, n_rows, own)
        run(name, n_rows, near, other_bits=1)
        row["launches"] += 1
        row["rows"] += n_rows
        row["differ"] += _differing(name, given, own, 0.0)
        row["differ"] += [i for i in [HOST_SCRATCH.get(name)] if i is not None and own[i].any()]
        row["differ_by_last_bits"] += _differing(name, given, near, _CLOSE)
        row["last_bits"] += len(_differing(name, given, near, 0.0))

    stand_in.StandIn.launch = launch
    return found


_NOTHING = {"launches": 0, "rows": 0, "last_bits": 0}


def _as_on_a_device(name, given):
    """Return copies of arguments; what only the host has is as on a device."""
    own = [one.copy() if isinstance(one, np.ndarray) else one for one in given]
    if name in HOST_SCRATCH:
        own[HOST_SCRATCH[name]] = np.zeros((1, 1), np.int32)
    return own


def _differing(name, given, own, close):
    """Return the places of arguments that differ, floats by more than a share ``close``."""
    return [
        i for i, pair in enumerate(zip(given, own, strict=True))
        if i not in SCRATCH.get(name, ()) and not _same(*pair, close)
    ]  # fmt: skip


def _same(one, other, close):
    if not isinstance(one, np.ndarray):
        return True
    is_same = (one == other) | ((one != one) & (other != other))
    if close and one.dtype.kind == "f":
        with np.errstate(invalid="ignore"):
            is_same |= np.isclose(one, other, rtol=close, atol=1e-12)
    return bool(is_same.all())


def main(folder):
    """Score on the stand-in with every launch compared; print what is found."""
    import device_work

    found = compared()
    for name, work in (("payments", device_work.of_bucket), ("sources", device_work.of_parts)):
        of = Path(folder, name)
        of.mkdir()
        work(device_work.N_PAYMENTS if name == "payments" else device_work.N_CUSTOMERS, of)
    sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    main(sys.argv[1])
