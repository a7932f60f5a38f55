"""The bars of the next symbol are asked of memory while those of this one are computed, so that nobody waits for them.

A hint and nothing else: no value depends on it, and a processor may leave it undone.
"""

from typing import Any, Final

from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic

from strategies.ticks import compiled

LINE: Final = 64
"""Bytes that come from memory together."""
AT_ONCE: Final = 8
_READ, _NEAR, _DATA = 0, 3, 1


def _asked(_: Any, column: Any, row: Any) -> Any:  # noqa: ARG001 - numba calls it by these names
    """Ask for the line that holds *row* of *column*, which need not be there, and do not wait."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        held = context.make_array(signature.args[0])(context, builder, arguments[0])
        at = builder.bitcast(builder.gep(held.data, [arguments[1]]), ir.IntType(8).as_pointer())
        number = ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [at.type, number, number, number])
        prefetch = builder.module.declare_intrinsic("llvm.prefetch", [at.type], kind)
        builder.call(prefetch, [at, number(_READ), number(_NEAR), number(_DATA)])
        return context.get_dummy_value()

    return types.void(column, types.intp), code


_ask: Any = intrinsic(_asked)


@compiled
def ahead(column: Any, begin: int, end: int) -> None:
    """Rows *begin* to *end* of *column* will be read soon."""
    own = column[begin:end]
    step = LINE // own.itemsize
    for row in range(0, len(own), AT_ONCE * step):
        for k in range(AT_ONCE):  # more than are there, and without a question between them
            _ask(own, row + k * step)
