"""A pretended GPU: tensors that are computed on the CPU, but called `cuda:0`, and refused where a real GPU would refuse them.

    with pretended_gpu(): torch.ones(2, device="cuda") + torch.ones(2)      RuntimeError: add: tensors on cuda:0 and cpu

Refused are: an operation on tensors of both devices (single numbers on the CPU apart, which a GPU takes), a tensor of the GPU made into a
numpy array, and random numbers for one device from a generator of the other. Copies between the devices, and indices on the CPU for a tensor
on the GPU, are allowed as they are there. What a composite function of torch does inside is not seen.
"""

from contextlib import contextmanager
from types import SimpleNamespace

import pytest
import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_leaves, tree_map

GPU = torch.device("cuda", 0)
CROSSING = {"copy_", "__set__", "__get__", "load_state_dict", "__repr__", "__deepcopy__", "is_shared", "allclose_"}
INDEXED = {"__getitem__", "__setitem__", "index", "index_put_", "index_put"}


class OnGPU(Tensor):
    """A tensor of the pretended GPU."""

    __torch_function__ = torch._C._disabled_torch_function_impl


class Generator(torch.Generator):
    """A generator of the pretended GPU."""


class OfEither(torch.Generator):
    """Makes a generator of the CPU or of the pretended GPU."""

    def __new__(cls, device="cpu", *, real=torch.Generator):
        return Generator() if is_gpu(device) else real(device)


class OnCPU(torch.autocast):
    """Autocast where the pretended GPU really computes."""

    def __init__(self, _, *args, **settings):
        super().__init__("cpu", *args, **settings)


def is_gpu(device):
    return device is not None and torch.device(device).type == "cuda"


def tensors(part):
    return [leaf for leaf in tree_leaves(part) if isinstance(leaf, Tensor)]


def there(x):
    return x if isinstance(x, OnGPU) or not isinstance(x, Tensor) else x.as_subclass(OnGPU)


def here(x):
    return x.as_subclass(Tensor) if isinstance(x, OnGPU) else x


class Pretended(TorchFunctionMode):
    """Sees every function of torch that is called from Python."""

    def __init__(self):
        super().__init__()
        self.names = set()

    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs, name = dict(kwargs or {}), getattr(func, "__name__", "")
        first = args[0] if args else None
        if name == "__get__" and isinstance(first, OnGPU):
            if func == Tensor.device.__get__:
                return GPU
            if func == Tensor.is_cuda.__get__:
                return True
        if name in ("numpy", "__array__") and isinstance(first, OnGPU):
            raise TypeError("can't convert cuda:0 device type tensor to numpy")
        if name in ("to", "cpu", "cuda", "pin_memory"):
            return self.copied(name, *args, **kwargs)
        if name == "__deepcopy__" and isinstance(first, OnGPU):
            return args[1].setdefault(
                id(first), parameter(first) if hasattr(first, "_is_param") else there(here(first).detach().clone())
            )
        asked = kwargs.get("device")
        gpu = is_gpu(asked)
        if asked is not None:
            kwargs["device"] = torch.device("cpu")
        held = tensors((args, kwargs))
        mine = [x for x in held if isinstance(x, OnGPU)]
        if mine and name in INDEXED:
            held = [x for x in tensors((first, args[2:])) if x.ndim]
        others = [x for x in held if not isinstance(x, OnGPU) and x.ndim]
        into = name.endswith("_") and not name.startswith("__") and isinstance(first, Tensor) and not isinstance(first, OnGPU)
        if mine and (others or into) and name not in CROSSING and not (name in INDEXED and not others):
            raise RuntimeError(f"{name}: tensors on cuda:0 and cpu")
        if (generator := kwargs.get("generator")) is not None and isinstance(generator, Generator) != (gpu or bool(mine)):
            raise RuntimeError(f"{name}: a generator of the other device")
        gpu = gpu or (bool(mine) and asked is None)
        if gpu:
            self.names.add(name)
        made = func(*args, **kwargs)
        return tree_map(there, made) if gpu and name not in ("__len__", "__repr__") else made

    def copied(self, name, x, *args, **kwargs):
        target = {"cpu": "cpu", "cuda": "cuda"}.get(name) or kwargs.pop("device", None)
        rest = []
        for value in args:
            if isinstance(value, Tensor):
                target, rest = ("cuda" if isinstance(value, OnGPU) else "cpu"), [value.dtype]
            elif isinstance(value, str | torch.device):
                target = value
            else:
                rest.append(value)
        kwargs.pop("non_blocking", None)
        made = here(x)
        if name == "to" and (rest or kwargs):
            made = made.to(*rest, **kwargs)
        goes = isinstance(x, OnGPU) if target is None else is_gpu(target)
        if goes != isinstance(x, OnGPU):
            made = made.clone() if made is here(x) or made.data_ptr() == x.data_ptr() else made
        elif made.dtype == x.dtype and not kwargs:
            return x
        return there(made) if goes else made


def parameter(w, gpu=True):
    made = here(w).detach().clone()
    made = (made.as_subclass(OnGPU) if gpu else made).requires_grad_(w.requires_grad)
    if not gpu:
        return nn.Parameter(made, requires_grad=w.requires_grad) if isinstance(w, nn.Parameter) else made
    if isinstance(w, nn.Parameter):
        made._is_param = True
    return made


MODULE_TO = nn.Module.to


def module_to(module, *args, **kwargs):
    if not args or not isinstance(args[0], str | torch.device):
        return MODULE_TO(module, *args, **kwargs)
    gpu, memo = is_gpu(args[0]), {}
    with torch._C.DisableTorchFunction():
        for part in module.modules():
            for held in (part._parameters, part._buffers):
                for name, w in held.items():
                    if w is not None and isinstance(w, OnGPU) != gpu:
                        held[name] = memo.setdefault(id(w), parameter(w, gpu))
    return module


class Event:
    """Copies are there at once."""

    def record(self, stream):
        pass

    def synchronize(self):
        pass


class Answer:
    """A function that always answers the same."""

    def __init__(self, value):
        self.value = value

    def __call__(self, *_, **__):
        return self.value


@contextmanager
def pretended_gpu():
    """Inside, torch has one GPU. Yields the mode, whose `names` are the functions that ran on it."""
    with pytest.MonkeyPatch.context() as patch:
        about = SimpleNamespace(name="pretended", major=9, total_memory=2**34)
        cuda = {
            "is_available": True, "device_count": 1, "current_device": 0, "Event": Event(), "current_stream": None, "synchronize": None,
            "mem_get_info": (2**33, 2**34), "get_device_properties": about, "get_device_name": "pretended", "max_memory_reserved": 2**20,
            "empty_cache": None, "memory_reserved": 2**21, "memory_allocated": 2**20,
        }  # fmt: skip
        for name, value in cuda.items():
            patch.setattr(torch.cuda, name, Answer(value))
        patch.setattr(nn.Module, "to", module_to)
        patch.setattr(torch, "Generator", OfEither)
        patch.setattr(torch, "autocast", OnCPU)
        with Pretended() as mode:
            yield mode
