"""Eight float32 side by side as one value, which a host adds or multiplies in one instruction.

Whether LLVM makes vectors of a loop over eight lanes, and how long ones, is its guess: it took
halves, and shuffled them. A value of this type is a vector of LLVM by itself. A processor whose
vectors are shorter takes several instructions. Either way the lanes do not mix, no instruction is
fused or reordered, and the answer is the same to the bit.

:func:`eight` reads and :func:`put` writes; ``+``, ``-``, ``*`` and ``/`` work lane by lane, and
only on two of this type (:func:`all_eight` makes one of a number). Places are counted from the
start of an array; they are checked where Numba is told to check bounds. For the host only.
"""
# ruff: noqa: ARG001  an intrinsic's arguments are types, and most are only counted

from __future__ import annotations

import operator
from typing import Any

from numba import boolean, float32, types
from numba.core import cgutils
from numba.core.typing.templates import ConcreteTemplate, infer_global, signature
from numba.extending import intrinsic, lower_builtin, models, register_model

LANES = 8
_ir: Any = cgutils.ir  # llvmlite's, as Numba has it
_FLOATS = _ir.VectorType(_ir.FloatType(), LANES)
_INTEGERS = _ir.VectorType(_ir.IntType(32), LANES)
_MANTISSA_BITS = 23
_ROOT_HALF = 0x3F3504F3
"""The bits of the root of a half."""


class _Eight(types.Type):  # type: ignore[misc]  # Numba has no types
    """Numba's type of eight float32."""

    def __init__(self) -> None:
        super().__init__(name="eight_float32")


EIGHT = _Eight()


@register_model(_Eight)
class _Model(models.PrimitiveModel):  # type: ignore[misc]
    """The same in a register and in memory."""

    def __init__(self, manager: Any, numba_type: Any) -> None:
        super().__init__(manager, numba_type, _FLOATS)


def _operator(sign: Any, instruction: str) -> None:
    """Let Numba do an operator on two of the type by one instruction of LLVM."""

    class Both(ConcreteTemplate):  # type: ignore[misc]
        cases = [signature(EIGHT, EIGHT, EIGHT)]  # noqa: RUF012  as Numba wants it

    infer_global(sign)(Both)

    @lower_builtin(sign, EIGHT, EIGHT)
    def lower(_context: Any, builder: Any, _signature: Any, values: Any) -> Any:
        return getattr(builder, instruction)(*values)


_operator(operator.add, "fadd")
_operator(operator.sub, "fsub")
_operator(operator.mul, "fmul")
_operator(operator.truediv, "fdiv")


def _place(context: Any, builder: Any, kind: Any, values: Any) -> Any:
    """Return the address of eight numbers of an array."""
    array, at = context.make_array(kind)(context, builder, values[0]), values[1]
    if context.enable_boundscheck:
        last = builder.add(at, context.get_constant(types.intp, LANES - 1))
        size = cgutils.unpack_tuple(builder, array.shape)[0]
        for place in (at, last):
            cgutils.do_boundscheck(context, builder, place, size)
    return builder.bitcast(builder.gep(array.data, [at]), _FLOATS.as_pointer())


def _constant(kind: Any, number: Any) -> Any:
    return _ir.Constant(kind, [number] * LANES)


@intrinsic
def eight(_typing, array, at):
    """Return ``array[at : at + 8]``, of a float32 array of one dimension."""

    def build(context, builder, typed, values):
        return builder.load(_place(context, builder, typed.args[0], values), align=4)

    return EIGHT(types.Array(float32, 1, "C", readonly=not array.mutable), types.intp), build


@intrinsic
def put(_typing, array, at, value):
    """Write eight numbers to ``array[at : at + 8]``."""

    def build(context, builder, typed, values):
        builder.store(values[2], _place(context, builder, typed.args[0], values), align=4)
        return context.get_dummy_value()

    return types.void(types.Array(float32, 1, "C"), types.intp, EIGHT), build


@intrinsic
def all_eight(_typing, number):
    """Return a number eight times."""

    def build(_context, builder, _typed, values):
        first = builder.insert_element(
            _ir.Constant(_FLOATS, _ir.Undefined), values[0], _ir.Constant(_ir.IntType(32), 0)
        )
        return builder.shuffle_vector(first, first, _constant(_INTEGERS, 0))

    return EIGHT(float32), build


@intrinsic
def where_more(_typing, left, right, then, other):
    """Return ``then`` in the lanes where ``left > right``, ``other`` in the rest."""

    def build(_context, builder, _typed, values):
        return builder.select(builder.fcmp_ordered(">", *values[:2]), *values[2:])

    return EIGHT(EIGHT, EIGHT, EIGHT, EIGHT), build


@intrinsic
def all_more(_typing, left, right):
    """Return whether ``left > right`` in all lanes."""

    def build(_context, builder, _typed, values):
        lanes = builder.bitcast(builder.fcmp_ordered(">", *values), _ir.IntType(LANES))
        return builder.icmp_unsigned("==", lanes, _ir.Constant(_ir.IntType(LANES), -1))

    return boolean(EIGHT, EIGHT), build


def _exponent(builder: Any, value: Any) -> tuple[Any, Any]:
    """Return the bits of eight numbers, and the exponents below."""
    bits = builder.bitcast(value, _INTEGERS)
    above = builder.sub(bits, _constant(_INTEGERS, _ROOT_HALF))
    return bits, builder.ashr(above, _constant(_INTEGERS, _MANTISSA_BITS))


@intrinsic
def exponents(_typing, value):
    """Return the whole number ``e`` of each ``2 ** e * m``, m from the root of 1/2 to that of 2."""

    def build(_context, builder, _typed, values):
        return builder.sitofp(_exponent(builder, values[0])[1], _FLOATS)

    return EIGHT(EIGHT), build


@intrinsic
def mantissas(_typing, value):
    """Return ``m`` of each ``2 ** e * m``; of a lane that is 0 it is 1."""

    def build(_context, builder, _typed, values):
        bits, exponent = _exponent(builder, values[0])
        scale = builder.shl(exponent, _constant(_INTEGERS, _MANTISSA_BITS))
        return builder.bitcast(builder.sub(bits, scale), _FLOATS)

    return EIGHT(EIGHT), build
