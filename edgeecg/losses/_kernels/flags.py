"""A flag between threads, raised and watched without the interpreter's lock.

To wake a sleeping thread takes 50 us and more, on a virtual machine above all; most waits inside one call are
shorter. A watcher looks a bounded number of times, so one whose partner has no core soon sleeps and hands over its own.
"""

import platform

from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic

_HAS_PAUSE = platform.machine().lower() in ("x86_64", "amd64")  # tells the core that this is a waiting loop


def _address(context, builder, kind, flag):
    return context.make_array(kind)(context, builder, flag).data


@intrinsic
def _load(typingctx, flag):
    """flag[0], read anew each time: a plain read would be taken out of the loop."""

    def emit(context, builder, signature, args):
        return builder.load_atomic(_address(context, builder, signature.args[0], args[0]), "acquire", 8)

    return types.int64(flag), emit


@intrinsic
def _store(typingctx, flag, value):
    """flag[0] = value, after all that was written before it."""

    def emit(context, builder, signature, args):
        builder.store_atomic(args[1], _address(context, builder, signature.args[0], args[0]), "release", 8)
        return context.get_dummy_value()

    return types.none(flag, types.int64), emit


@intrinsic
def _pause(typingctx):
    def emit(context, builder, signature, args):
        if _HAS_PAUSE:
            kind = ir.FunctionType(ir.VoidType(), [])
            builder.call(builder.module.declare_intrinsic("llvm.x86.sse2.pause", (), kind), ())
        return context.get_dummy_value()

    return types.none(), emit


@njit(cache=True, nogil=True)
def raise_flag(flag, linger):
    """Raises it (int64, one number) and lingers: a watcher gets the interpreter's lock before this thread wants it."""
    _store(flag, 1)
    for _ in range(linger):
        _pause()


@njit(cache=True, nogil=True)
def watch_flag(flag, looks):
    """Whether the flag was up at one of so many looks."""
    for _ in range(looks):
        if _load(flag) != 0:
            return True
        _pause()
    return False
