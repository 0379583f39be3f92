"""2**u and log(1 + e) as polynomials that the compiler turns into vector code.

libm's exp is one call a number. Here logits are kept in base 2, so the range reduction
2**u = 2**n * 2**f with n = rint(u), f = u - n in [-1/2, 1/2] is exact, and what is left is a polynomial (near
minimax, fitted with 40 digits) and an exponent assembled from bits. The polynomials err by 2.5e-9 / 4e-18 relative
(float32 / float64), so what a result carries is the rounding of its own dtype.
"""

from typing import Any

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic, overload

# No "reassoc" here: these functions are inlined into kernels that allow it, but keep their own, stricter flags.
# The "numpy" error model spares a branch at every division, which would keep the loops around it scalar.
_STRICT = {"fastmath": {"contract", "nsz"}, "error_model": "numpy"}

_LAYOUT = {types.float32: (32, 23, 127), types.float64: (64, 52, 1023)}


@intrinsic
def _rint(typingctx: Any, x: Any) -> Any:
    """Nearest integer, as a float: one instruction where the processor has it."""

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        kind = context.get_value_type(signature.args[0])
        return builder.call(builder.module.declare_intrinsic("llvm.rint", [kind]), args)

    return x(x), emit


@intrinsic
def _two_to_the(typingctx: Any, n: Any) -> Any:
    """2**n for an integer-valued float n of the normal range, by writing the exponent bits."""
    width, mantissa, bias = _LAYOUT[n]

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        whole = ir.IntType(width)
        exponent = builder.add(builder.fptosi(args[0], whole), whole(bias))
        bits = builder.shl(exponent, whole(mantissa))
        return builder.bitcast(bits, context.get_value_type(signature.return_type))

    return n(n), emit


@intrinsic
def if_greater(typingctx: Any, x: Any, y: Any, then: Any, otherwise: Any) -> Any:
    """`then` where x > y, else `otherwise`: a select, where Python's conditional would be a branch to untangle."""

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.select(builder.fcmp_ordered(">", args[0], args[1]), args[2], args[3])

    return then(x, y, then, otherwise), emit


@intrinsic
def larger(typingctx: Any, x: Any, y: Any) -> Any:
    """max(x, y) of two finite numbers, in the form in which the compiler vectorizes a maximum over a row."""

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        kind = context.get_value_type(signature.return_type)
        function = builder.module.declare_intrinsic("llvm.maxnum", [kind], ir.FunctionType(kind, [kind, kind]))
        return builder.call(function, args, fastmath=("nnan", "nsz"))

    return x(x, y), emit


@intrinsic
def multiply_add(typingctx: Any, x: Any, y: Any, z: Any) -> Any:
    """x y + z, rounded once where the processor has such an instruction, whoever else uses x y."""

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        kind = context.get_value_type(signature.return_type)
        signature_of_call = ir.FunctionType(kind, [kind, kind, kind])
        return builder.call(builder.module.declare_intrinsic("llvm.fmuladd", [kind], signature_of_call), args)

    return x(x, y, z), emit


# Constants are typed: a bare Python float would promote a float32 kernel to float64 and halve its speed.
_f4 = np.float32
_E0, _E1, _E2, _E3 = _f4(1.0), _f4(0.6931472067028326), _f4(0.2402265092228876), _f4(0.05550327226670302)
_E4, _E5, _E6 = _f4(0.009618056678524638), _f4(0.0013400428177617838), _f4(0.00015461444698569129)
_L0, _L1, _L2 = _f4(2.0000000076817589), _f4(0.66666321641377773), _f4(0.40024595230703748)
_L3, _L4 = _f4(0.27965157745197269), _f4(0.28157778363109081)
_ONE, _TWO, _LOWEST, _ZERO = _f4(1), _f4(2), _f4(-126), _f4(0)


@njit(**_STRICT)
def _exp2_f4(u: Any) -> Any:
    # The exponent is clamped (no wrap-around of the bits); what lies below the normal range becomes an exact zero.
    clamped = larger(u, _LOWEST)
    n = _rint(clamped)
    f = clamped - n
    p = (((((_E6 * f + _E5) * f + _E4) * f + _E3) * f + _E2) * f + _E1) * f + _E0
    return if_greater(u, _LOWEST, p * _two_to_the(n), _ZERO)


@njit(**_STRICT)
def _exp2_f8(u: Any) -> Any:
    clamped = larger(u, -1022.0)
    n = _rint(clamped)
    f = clamped - n
    p = 4.455817908336064493e-10 * f + 7.0741942972885210056e-9
    p = (p * f + 1.0178057087733941105e-7) * f + 1.3215432535912376166e-6
    p = (p * f + 1.5252733841556772589e-5) * f + 1.5403530463724354209e-4
    p = (p * f + 1.3333558146406470697e-3) * f + 9.6181291075872566681e-3
    p = (p * f + 0.055504108664821627039) * f + 0.24022650695910159567
    p = (p * f + 0.69314718055994530925) * f + 1.0
    return if_greater(u, -1022.0, p * _two_to_the(n), 0.0)


# log(1 + e) = 2 atanh(v), v = e / (2 + e) in [0, 1/3]: keeps its relative accuracy down to the smallest e,
# where log(1.0 + e) would lose it to the rounding of the sum.
@njit(**_STRICT)
def _log1p_f4(e: Any) -> Any:
    v = e / (_TWO + e)
    w = v * v
    return v * ((((_L4 * w + _L3) * w + _L2) * w + _L1) * w + _L0)


@njit(**_STRICT)
def _log1p_f8(e: Any) -> Any:
    v = e / (2.0 + e)
    w = v * v
    p = 0.17044163562781398129 * w + 0.083245065118608205757
    p = (p * w + 0.12110168728069217655) * w + 0.13300374032674624337
    p = (p * w + 0.15386614042304007762) * w + 0.1818174083250480451
    p = (p * w + 0.22222224080747673173) * w + 0.28571428545454114534
    p = (p * w + 0.40000000000185747468) * w + 0.66666666666666149594
    return v * (p * w + 2.0000000000000000024)


def exp2(u: Any) -> Any:
    """2**u for u <= the largest exponent; below the normal range exactly 0. Kernels call it on finite numbers."""
    raise NotImplementedError("compiled code only")


def log1p(e: Any) -> Any:
    """log(1 + e) for e in [0, 1]."""
    raise NotImplementedError("compiled code only")


@overload(exp2, inline="never")
def _choose_exp2(u):
    if u == types.float32:
        return lambda u: _exp2_f4(u)
    return lambda u: _exp2_f8(u)


@overload(log1p, inline="never")
def _choose_log1p(e):
    if e == types.float32:
        return lambda e: _log1p_f4(e)
    return lambda e: _log1p_f8(e)
