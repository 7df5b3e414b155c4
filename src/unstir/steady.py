"""One state of torch, numpy and Python inside every call of the library, whatever the caller has set. Afterwards it is the caller's again.

    what a caller may have set                           inside a call
    torch's default type, and its default device         float32, the CPU
    gradients, inference mode                            on, off: what needs no gradients switches them off itself
    autocast, and its cache                              off, empty: `precision` is a setting of each model
    products of float32 matrices, tf32 or bfloat16       exact, for the same reason; on GPUs of convolutions, too, unless `allowing` tf32
    subnormal numbers flushed to zero                    kept
    torch's global random numbers                        seeded, and put back
    numpy's floating-point errors                        ignored: what has to be finite is checked by name
    warnings that are errors                             shown; none ends a call

So a model is the same, bit for bit, in a notebook that has switched gradients off and in a script under another default type. How many
threads compute stays as the caller has set it, and so do deterministic algorithms. Sums of many numbers are added in another order with
another number of threads, so large models then differ in the last digits.

A loop is a generator, and its caller sees their own state between two steps. What belongs to the whole process (the default type, the
random numbers, the filters of warnings) is set by the first of several threads that come in, and put back by the last that goes.

    >>> import torch
    >>> @steady
    ... def inside(): return torch.is_grad_enabled(), torch.get_default_dtype()
    >>> with torch.no_grad(): inside()
    (True, torch.float32)
"""

import sys
import threading
import warnings
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, contextmanager
from functools import wraps
from inspect import isgeneratorfunction
from typing import Any, TypeVar

STRICT = False  # the tests of this project set it: then numpy's warnings are heard, and warnings that are errors stay errors
DEVICES = ("cpu", "cuda", "mps")  # that autocast can be on for
SMALLEST = 5e-324  # equal to zero where subnormal numbers are flushed

Function = TypeVar("Function", bound=Callable[..., Any])


def steady(function: Function) -> Function:
    """The function, run in the one state; a generator function runs each of its steps in it.

    >>> import numpy as np
    >>> @steady
    ... def steps(): yield np.geterr()["over"]
    >>> with np.errstate(over="raise"): [(step, np.geterr()["over"]) for step in steps()]
    [(..., 'raise')]
    """

    @wraps(function)
    def inside(*args: Any, **settings: Any) -> Any:
        with one_state():
            return function(*args, **settings)

    @wraps(function)
    def step_by_step(*args: Any, **settings: Any) -> Any:
        return _stepping(function(*args, **settings))

    return step_by_step if isgeneratorfunction(function) else inside  # pyrefly: ignore


@contextmanager
def one_state() -> Iterator[None]:
    """Inside the block everything is set as the table above says."""
    with ExitStack() as undo:
        _WHOLE.enter()
        undo.callback(_WHOLE.leave)
        # What nobody has imported yet is as it should be, and `unstir --help` does not wait for it.
        if numpy := sys.modules.get("numpy"):
            undo.enter_context(numpy.errstate(all="warn" if STRICT else "ignore", under="ignore"))
        if torch := sys.modules.get("torch"):
            _set_for_thread(torch, undo)
        yield


class _Whole:
    """What belongs to the whole process: set when the first thread comes in, put back when the last one goes."""

    def __init__(self):
        self.lock, self.inside, self.undo = threading.RLock(), 0, ExitStack()

    def enter(self) -> None:
        with self.lock:
            self.inside += 1
            if self.inside == 1:
                self.undo = ExitStack()
                _set_for_process(self.undo)

    def leave(self) -> None:
        with self.lock:
            self.inside -= 1
            if not self.inside:
                self.undo.close()


_WHOLE = _Whole()


def _stepping(steps: Generator[Any, None, Any]) -> Generator[Any, None, Any]:
    try:
        while True:
            with one_state():
                try:
                    found = next(steps)
                except StopIteration as end:
                    return end.value
            yield found
    finally:
        with one_state():
            steps.close()


def _set_for_process(undo: ExitStack) -> None:
    if not STRICT and any(found[0] == "error" for found in warnings.filters):
        undo.enter_context(warnings.catch_warnings())
        _show_instead_of_raising()
    torch = sys.modules.get("torch")
    if torch is None:
        return
    if (dtype := torch.get_default_dtype()) != torch.float32:
        torch.set_default_dtype(torch.float32)
        undo.callback(torch.set_default_dtype, dtype)
    _set_exact_products(torch, undo)
    if torch.cuda.is_initialized():
        undo.callback(torch.cuda.set_rng_state_all, torch.cuda.get_rng_state_all())
        torch.cuda.manual_seed_all(0)
    else:
        undo.callback(_as_if_unused, torch)
    undo.callback(torch.set_rng_state, torch.get_rng_state())
    torch.default_generator.manual_seed(0)


def _as_if_unused(torch: Any) -> None:
    """If the GPUs were used for the first time inside the call: their generators as they would be at the caller's first use of them."""
    if torch.cuda.is_initialized():
        torch.cuda.manual_seed_all(torch.initial_seed())


def _show_instead_of_raising() -> None:
    """The filters of warnings as they are and in their order, but with "default" in place of "error"."""
    there: list[Any] = list(warnings.filters)
    warnings.resetwarnings()
    for action, message, category, module, line in reversed(there):
        message, module = (getattr(pattern, "pattern", pattern) or "" for pattern in (message, module))
        warnings.filterwarnings("default" if action == "error" else action, message, category, module, line)


def _set_exact_products(torch: Any, undo: ExitStack) -> None:
    """Products of float32 matrices in float32. torch 2.9 has a switch for each library besides the old one, and does not let both be mixed."""
    try:
        precision = torch.get_float32_matmul_precision()
    except RuntimeError:  # one of the new switches is set
        precision = "highest"
    if precision != "highest":
        torch.set_float32_matmul_precision("highest")
        undo.callback(torch.set_float32_matmul_precision, precision)
    mkldnn = torch.backends.mkldnn
    for part in (torch.backends.cuda.matmul, *(getattr(mkldnn, name, None) for name in ("matmul", "conv", "rnn"))):
        if part is not None and (now := getattr(part, "fp32_precision", "none")) not in ("none", "ieee"):
            part.fp32_precision = "ieee"
            undo.callback(_put_back, part, now)
    if torch.backends.cuda.is_built():
        _set_exact_convolutions(torch.backends.cudnn, undo)


def _set_exact_convolutions(cudnn: Any, undo: ExitStack) -> None:
    """Convolutions on GPUs in float32: cuDNN takes tf32 for them unless it is told otherwise."""
    try:
        shortened = cudnn.allow_tf32
    except RuntimeError:  # one of the new switches is set
        for part in (cudnn.conv, cudnn.rnn):
            if (now := part.fp32_precision) == "tf32":
                part.fp32_precision = "ieee"
                undo.callback(setattr, part, "fp32_precision", now)
        return
    if shortened:
        cudnn.allow_tf32 = False
        undo.callback(setattr, cudnn, "allow_tf32", True)


@contextmanager
def allowing(precision: str) -> Iterator[None]:
    """Inside the block, which is inside a call, GPUs take products of float32 with 10 binary digits if the precision is "tf32".

    It holds for all threads, and changes nothing on the CPU.
    """
    torch = sys.modules.get("torch")
    if precision != "tf32" or torch is None or not torch.backends.cuda.is_built():
        yield
        return
    with ExitStack() as undo:
        for part in (torch.backends.cuda.matmul, torch.backends.cudnn):
            part.allow_tf32 = True
            undo.callback(setattr, part, "allow_tf32", False)
        yield


def _put_back(part: Any, precision: str) -> None:
    """The precision of one library: taken over from the switch for all of them where that gives the same, else its own."""
    part.fp32_precision = "none"
    if part.fp32_precision != precision:
        part.fp32_precision = precision


def _set_for_thread(torch: Any, undo: ExitStack) -> None:
    if torch.is_inference_mode_enabled():
        undo.enter_context(torch.inference_mode(False))
    if not torch.is_grad_enabled():
        undo.enter_context(torch.enable_grad())
    if torch.empty(0).device.type != "cpu":  # torch.get_default_device takes ten times as long
        undo.enter_context(torch.device("cpu"))
    if SMALLEST == 0.0:
        torch.set_flush_denormal(False)
        undo.callback(torch.set_flush_denormal, True)
    for device in DEVICES:
        if torch.is_autocast_enabled(device):
            torch.set_autocast_enabled(device, False)
            undo.callback(torch.set_autocast_enabled, device, True)
    if not torch.is_autocast_cache_enabled():
        torch.set_autocast_cache_enabled(True)
        undo.callback(torch.set_autocast_cache_enabled, False)
    # torch empties the cache of weights when the outermost autocast ends, so ours have to be outermost: in the caller's, the weights of
    # the first training step would be used in all others.
    torch.autocast_increment_nesting()
    while torch.autocast_decrement_nesting() > 0:
        undo.callback(torch.autocast_increment_nesting)
        torch.clear_autocast_cache()
