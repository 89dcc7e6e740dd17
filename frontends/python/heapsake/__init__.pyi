import os
from typing import Any, Callable, Mapping, Optional, Sequence, Tuple, TypeVar, Union

from ._heapsake import Deadlock as Deadlock
from ._heapsake import Dump as Dump
from ._heapsake import Fault as Fault
from ._heapsake import Frame as Frame
from ._heapsake import Task as Task
from ._heapsake import Thread as Thread
from ._heapsake import View as View
from ._heapsake import Wait as Wait

_Path = Union[str, "os.PathLike[str]"]
_Function = TypeVar("_Function", bound=Callable[..., Any])

class Error(Exception): ...
class Refused(Error): ...

class Reduction:
    callable: Optional[str]
    args: Tuple[Any, ...]
    state: Any
    list_items: Sequence[Any]
    dict_items: Sequence[Tuple[Any, Any]]
    edges: Mapping[str, Any]
    def __init__(
        self,
        callable: Optional[str] = ...,
        args: Tuple[Any, ...] = ...,
        state: Any = ...,
        list_items: Sequence[Any] = ...,
        dict_items: Sequence[Tuple[Any, Any]] = ...,
        edges: Mapping[str, Any] = ...,
    ) -> None: ...

def install(directory: Optional[_Path] = None, **options: Any) -> None: ...
def uninstall() -> None: ...
def dump(
    path: Optional[_Path] = None,
    exception: Optional[BaseException] = None,
    *,
    reason: Optional[str] = None,
    redact: str = "names",
    **options: Any,
) -> str: ...
def load(path: _Path) -> Dump: ...
def debug(dump: Union[Dump, _Path], thread: Union[None, int, str] = None) -> None: ...
def reducer(name: str) -> Callable[[_Function], _Function]: ...
def restorer(name: str) -> Callable[[_Function], _Function]: ...
