import os
from types import TracebackType
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
_Classes = Union[None, Type[BaseException], Iterable[Type[BaseException]]]

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
    ignore: _Classes = None,
    signals: bool = True,
    signal_seconds: float = 60.0,
    template: Optional[str] = None,
    at_most: Optional[int] = None,
    disk: Optional[int] = None,
    once: Union[None, bool, Literal["process", "directory"]] = None,
    callback: Optional[Callable[[str], Any]] = None,
    quiet: bool = False,
    excepthook: bool = True,
    threads: bool = True,
    unraisable: Union[bool, Literal["threads"]] = "threads",
    asyncio: Union[bool, Literal["all"]] = True,
    multiprocessing: bool = True,
    futures: Union[bool, Literal["all"]] = True,
    logging: Union[bool, int, str] = False,
    warnings: Union[Type[Warning], str, Iterable[Union[Type[Warning], str]]] = (),
    signal: Union[None, int, str] = None,
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
def dump_of(exception: BaseException) -> Optional[str]: ...
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

class _OnError:
    def __enter__(self) -> _OnError: ...
    def __exit__(
        self, kind: Optional[Type[BaseException]], exception: Optional[BaseException], trace: Optional[TracebackType]
    ) -> Literal[False]: ...
    async def __aenter__(self) -> _OnError: ...
    async def __aexit__(
        self, kind: Optional[Type[BaseException]], exception: Optional[BaseException], trace: Optional[TracebackType]
    ) -> Literal[False]: ...
    def __call__(self, function: _Function) -> _Function: ...

def on_error(
    directory: Optional[_Path] = None,
    *,
    only: Union[Type[BaseException], Tuple[Type[BaseException], ...]] = ...,
    reason: Optional[str] = None,
    template: Optional[str] = None,
    at_most: Optional[int] = None,
    disk: Optional[int] = None,
    once: Union[bool, Literal["process", "directory"]] = True,
    callback: Optional[Callable[[str], Any]] = None,
    ignore: _Classes = None,
    quiet: bool = False,
    **options: Any,
) -> _OnError: ...
def dump_after(
    seconds: float,
    repeat: bool = False,
    *,
    directory: Optional[_Path] = None,
    template: Optional[str] = None,
    at_most: Optional[int] = None,
    disk: Optional[int] = None,
    callback: Optional[Callable[[str], Any]] = None,
    quiet: bool = False,
    **options: Any,
) -> None: ...
def cancel_dump_after() -> None: ...
