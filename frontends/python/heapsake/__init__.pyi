import os
from typing import Any, Callable, Iterable, Literal, Mapping, Optional, Protocol, Sequence, Tuple, Type, TypeVar, Union, overload

from ._heapsake import Deadlock as Deadlock
from ._heapsake import Dump as Dump
from ._heapsake import Fault as Fault
from ._heapsake import Region as Region
from ._heapsake import Frame as Frame
from ._heapsake import Task as Task
from ._heapsake import Thread as Thread
from ._heapsake import View as View
from ._heapsake import Wait as Wait

_Path = Union[str, "os.PathLike[str]"]
_Function = TypeVar("_Function", bound=Callable[..., Any])

class Error(Exception): ...
class Refused(Error): ...
class Stopped(Exception): ...

class Reduction:
    state: Any
    callable: Optional[str]
    args: Iterable[Any]
    list_items: Iterable[Any]
    dict_items: Iterable[Tuple[Any, Any]]
    edges: Mapping[str, View]
    summary: Optional[str]
    origin: Optional[str]
    def __init__(
        self,
        state: Any = ...,
        callable: Optional[str] = ...,
        args: Iterable[Any] = ...,
        list_items: Iterable[Any] = ...,
        dict_items: Iterable[Tuple[Any, Any]] = ...,
        edges: Mapping[str, View] = ...,
        summary: Optional[str] = ...,
        origin: Optional[str] = ...,
    ) -> None: ...

def install(
    directory: Optional[_Path] = None,
    *,
    ignore: Union[None, Type[BaseException], Iterable[Type[BaseException]]] = None,
    signals: bool = True,
    signal_seconds: float = 60.0,
    **options: Any,
) -> None: ...
def uninstall() -> None: ...
class _Writer(Protocol):
    def write(self, data: bytes, /) -> Any: ...

@overload
def dump(
    path: Optional[_Path] = None,
    exception: Union[None, Literal[False], BaseException] = None,
    *,
    reason: Optional[str] = None,
    redact: str = "names",
    sources: Optional[Sequence[_Path]] = None,
    reducers: bool = True,
    reducer_seconds: float = 30.0,
    **options: Any,
) -> str: ...
@overload
def dump(
    path: _Writer,
    exception: Union[None, Literal[False], BaseException] = None,
    *,
    reason: Optional[str] = None,
    redact: str = "names",
    sources: Optional[Sequence[_Path]] = None,
    reducers: bool = True,
    reducer_seconds: float = 30.0,
    **options: Any,
) -> None: ...
def load(path: _Path) -> Dump: ...
def debug(
    dump: Union[Dump, _Path], thread: Union[None, int, str] = None, using: Literal["pdb", "ipdb", "ipython", "pudb"] = "pdb"
) -> None: ...
def set_last(dump: Union[Dump, _Path], thread: Union[None, int, str] = None, limit: int = 1000) -> BaseException: ...
def load_ipython_extension(shell: Any) -> None: ...
def reducer(
    subject: Union[str, type], *, base: bool = False, live: bool = False, seconds: Optional[float] = None
) -> Callable[[_Function], _Function]: ...
def restorer(subject: Union[str, type], *, base: bool = False) -> Callable[[_Function], _Function]: ...
