"""Tensors of every sort; says what torch knows of them, prints ``ready``, and waits for a line.

``tensors.py SAID.json``: the innermost frame of the main thread holds ``tensors``.
"""
import json
import sys
import warnings

warnings.simplefilter("ignore")

import torch  # noqa: E402


def samples():
    base = torch.arange(24, dtype=torch.float32).reshape(2, 3, 4)
    made = {
        "base": base, "view": base[1:, :, ::2], "turned": base.transpose(0, 2), "part": base[0], "expanded": torch.ones(1).expand(5),
        "leaf": torch.ones(3, requires_grad=True), "number": torch.tensor(5.5), "none": torch.empty(0, 3),
        "flags": torch.tensor([True, False]), "half": torch.tensor([1.5, -0.25], dtype=torch.float16),
        "half of singles": torch.tensor([1.5, -2.25, 1024.0], dtype=torch.bfloat16), "complex": torch.tensor([1 + 2j, 3j]),
        "double complex": torch.tensor([1 - 2j], dtype=torch.complex128), "many": torch.arange(100000),
        "six dimensions": torch.arange(64).reshape(2, 2, 2, 2, 2, 2), "parameter": torch.nn.Parameter(torch.ones(2)),
        "conjugated": torch.tensor([1 + 2j]).conj(), "negated": torch.tensor([1 + 2j]).conj().imag,
        "nowhere": torch.empty(2, device="meta"), "sparse": torch.eye(3).to_sparse(), "rows": torch.eye(3).to_sparse_csr(),
        "nested": torch.nested.nested_tensor([torch.ones(2), torch.ones(3)]), "zero": torch._efficientzerotensor((3,)),
    }
    for name in ("uint8", "int8", "int16", "int32", "int64", "float64", "uint16", "uint32", "uint64"):
        if hasattr(torch, name):
            made["of " + name] = torch.tensor([0, 1, 127], dtype=getattr(torch, name))
    made["product"] = made["leaf"] * 2
    made["product"].sum().backward()
    made["gradient"] = made["leaf"].grad
    made["detached"] = made["product"].detach()
    made["no more"] = torch.ones(2, requires_grad=True).requires_grad_(False)
    made["several"] = torch.split(made["leaf"] * 3, 1)[1]
    with torch.inference_mode():
        made["inferred"] = torch.ones(2) + 1
    return made


#: whose elements do not lie in a storage as they are
WITHOUT = ("conjugated", "negated", "nowhere", "sparse", "rows", "nested", "zero")


def plain(value):
    if isinstance(value, list):
        return [plain(each) for each in value]
    return [value.real, value.imag] if isinstance(value, complex) else value


def said(name, tensor):
    told = {"dtype": str(tensor.dtype), "device": str(tensor.device), "requires_grad": tensor.requires_grad, "values": None}
    if name not in ("sparse", "rows", "nested"):
        told.update(shape=list(tensor.shape), stride=list(tensor.stride()), ndim=tensor.dim(), size=tensor.numel())
    if name not in WITHOUT:
        told.update(values=plain(tensor.reshape(-1).tolist()), storage_offset=tensor.storage_offset(), data=tensor.untyped_storage().data_ptr(),
                    storage_bytes=tensor.untyped_storage().nbytes())
    return told


def main(answers):
    tensors = samples()
    told = {name: said(name, tensor) for name, tensor in tensors.items()}
    shared = [["base", "view", "turned", "part"], ["product", "detached"]]
    known = tuple(map(int, torch.__version__.split("+")[0].split(".")[:2])) in ((2, 3), (2, 8), (2, 15))
    with open(answers, "w") as file:
        json.dump({"tensors": told, "shared": shared, "gradients": known, "torch": torch.__version__}, file)
    print("ready", flush=True)
    sys.stdin.readline()


main(*sys.argv[1:])
