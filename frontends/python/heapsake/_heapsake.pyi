"""The native half: making dumps, and the views of a dump's objects."""

from types import ModuleType
from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence, Tuple, Union

from . import Reduction

class Error(Exception): ...

class Fault:
    offset: int
    kind: str
    consequence: str

class Region:
    """A part of the process's memory; sizes are in bytes."""

    start: int
    end: int
    kind: str
    """What it is for: arenas, heap, anonymous, stack, library, file, shared, kernel."""
    permissions: str
    """As the kernel writes them: rw-p."""
    name: str
    resident: Optional[int]
    """In memory, where known."""
    in_use: Optional[int]
    """Given out by Python's allocator, where it has this region."""
    objects: int
    object_bytes: int
    """Taken by objects and by blocks that objects own."""

class View:
    """One object of a dump; equal to every other view of the same object."""

    @property
    def dump(self) -> Dump: ...
    @property
    def id(self) -> int: ...
    @property
    def address(self) -> int: ...
    @property
    def size(self) -> int: ...
    @property
    def type_name(self) -> str: ...
    @property
    def type(self) -> Optional[View]: ...
    @property
    def bases(self) -> List[str]: ...
    @property
    def origin(self) -> str:
        """What told its content: `exact`, `members`, `base NAME`, `conservative`, or where its reducer comes from."""
    @property
    def kind(self) -> str: ...
    @property
    def value(self) -> Any: ...
    @property
    def items(self) -> Sequence[Any]: ...
    @property
    def is_mapping(self) -> bool: ...
    @property
    def attributes(self) -> Mapping[str, View]: ...
    def array_bytes(self) -> Optional[bytes]:
        """Of an array: the bytes of all elements in C order; None of objects and structures, and where some are missing."""
    def column(self, position: int, start: int, count: int) -> List[View]:
        """Of a table: values of the column at a position."""
    @property
    def edges(self) -> List[Tuple[str, str, View]]: ...
    @property
    def referrers(self) -> List[View]:
        """The objects that have edges to it; the first question of a dump reads all of it."""
    def holders(self, most: int) -> Tuple[int, List[Tuple[List[str], bool, View]], List[str]]:
        """The number of referrers; of the first ``most`` how their edges are called, whether they keep it alive, and the object;
        the names of roots that are this object."""
    def path_from_root(self) -> Optional[List[Tuple[str, View]]]:
        """The shortest way from a root: how each step is called, and where it leads."""
    @property
    def public_names(self) -> List[str]:
        """The names under which modules hold it, as ``module.name``, the one that a user knows it by first."""
    @property
    def owner(self) -> Optional[View]:
        """The module whose mapping of names it is; None when it is none's."""
    @property
    def surrogate(self) -> Optional[str]: ...
    @property
    def reduction(self) -> Optional[Reduction]: ...
    @property
    def summary(self) -> Optional[str]: ...
    @property
    def reducer_failure(self) -> Optional[str]: ...
    def rebuild(
        self, *, names: Optional[Mapping[str, str]] = None, modules: Optional[Mapping[str, Union[str, ModuleType]]] = None, code: bool = False
    ) -> Any:
        """The object in this Python, or a stand-in.

        ``names`` shows modules of the dump under other names, ``modules`` takes their objects from modules of this Python, which
        are imported, and ``code`` lets functions run that this version of Python compiled.
        """
    def __getitem__(self, key: Any) -> Any: ...
    def __hash__(self) -> int: ...
    def __eq__(self, other: object) -> bool: ...

class Frame:
    @property
    def function(self) -> str: ...
    @property
    def qualified_name(self) -> str: ...
    @property
    def filename(self) -> str: ...
    @property
    def lineno(self) -> int: ...
    @property
    def locals(self) -> Dict[str, View]: ...
    @property
    def globals(self) -> Mapping[str, View]: ...
    @property
    def view(self) -> Optional[View]: ...
    @property
    def code(self) -> Optional[View]: ...
    @property
    def in_traceback(self) -> bool: ...

class Thread:
    @property
    def name(self) -> str: ...
    @property
    def ident(self) -> int: ...
    @property
    def native_id(self) -> int: ...
    @property
    def frames(self) -> Sequence[Frame]: ...
    @property
    def exception(self) -> Optional[View]: ...
    @property
    def is_current(self) -> bool: ...
    @property
    def kind(self) -> str: ...
    @property
    def carrier(self) -> Optional[int]: ...
    @property
    def facts(self) -> Dict[str, Any]: ...
    @property
    def object(self) -> Optional[View]: ...
    @property
    def waits_for(self) -> Optional[Wait]:
        """What it waits for; None for one that runs, and where it is not known."""

class Task:
    """A task of asyncio or trio."""

    @property
    def name(self) -> str: ...
    @property
    def state(self) -> str:
        """``pending``, ``ready`` to take its next step, ``running``, ``finished`` or ``cancelled``."""
    @property
    def view(self) -> View: ...
    @property
    def coroutine(self) -> Optional[View]: ...
    @property
    def event_loop(self) -> Optional[View]: ...
    @property
    def frames(self) -> List[Frame]: ...
    @property
    def waits_for(self) -> Optional[Wait]: ...
    @property
    def awaited_by(self) -> List[Task]: ...
    @property
    def thread(self) -> Optional[Thread]:
        """The thread that runs it at this moment."""

class Wait:
    """What a thread or a task waits for; as text its words."""

    @property
    def kind(self) -> str: ...
    @property
    def words(self) -> str: ...
    @property
    def object(self) -> Optional[View]: ...
    @property
    def needs(self) -> List[Union[Thread, Task]]:
        """Those without whom it does not end."""

class Deadlock:
    """Threads and tasks that wait for each other."""

    @property
    def cycle(self) -> List[Union[Thread, Task]]:
        """Each waits for the next, the last for the first."""
    @property
    def is_certain(self) -> bool:
        """Whether state says so; else who holds a lock is concluded from source text."""

class Dump:
    @property
    def path(self) -> str: ...
    @property
    def header(self) -> Dict[str, Any]: ...
    @property
    def threads(self) -> List[Thread]: ...
    @property
    def tasks(self) -> List[Task]: ...
    @property
    def deadlocks(self) -> List[Deadlock]: ...
    @property
    def exception(self) -> Optional[View]: ...
    @property
    def faults(self) -> List[Fault]: ...
    @property
    def notes(self) -> List[str]: ...
    @property
    def memory(self) -> List[Region]: ...
    @property
    def objects(self) -> Sequence[View]: ...
    def instances(self, type_names: Sequence[str]) -> List[View]:
        """The objects whose types have one of these names."""
    @property
    def modules(self) -> Dict[str, View]: ...
    @property
    def source_names(self) -> List[str]: ...
    def source(self, filename: str) -> Optional[str]: ...
    def source_problem(self, filename: str) -> Optional[str]: ...
    def at(self, address: int) -> Optional[View]: ...

def load(path: str) -> Dump: ...
def dump(
    path: Optional[str] = None,
    exception: Optional[BaseException] = None,
    *,
    reason: Optional[str] = None,
    redact: str = "names",
    reducers: bool = True,
    reducer_seconds: float = 30.0,
    thread: Optional[int] = None,
    **options: Any,
) -> str: ...

class Limits:
    """What a keeper was told, for dumps that are made where nothing of Python runs."""

    def __init__(
        self,
        name: str,
        counted: Optional[str] = None,
        at_most: Optional[int] = None,
        disk: Optional[int] = None,
        quiet: bool = False,
        offset: int = 0,
    ) -> None: ...
    def stem(self, pid: int, reason: str) -> str: ...
    def counts(self, name: str) -> bool: ...

def watch_signals(
    folder: Optional[str],
    limits: Limits,
    seconds: float,
    own: Sequence[int],
    faulthandler: bool,
    reducers: bool,
    redact: str = "names",
    sources: Optional[Sequence[str]] = None,
    max_bytes: Optional[int] = None,
    max_seconds: Optional[float] = None,
    max_objects: Optional[int] = None,
) -> List[int]: ...
def forget_signals() -> None: ...

class Answer:
    """Who makes a dump when it is asked for, and all that it needs without the interpreter lock."""

def answer(
    keep: Callable[[str], Any],
    patience: float,
    folder: Optional[str],
    limits: Limits,
    reducers: bool,
    redact: str = "names",
    sources: Optional[Sequence[str]] = None,
    max_bytes: Optional[int] = None,
    max_seconds: Optional[float] = None,
    max_objects: Optional[int] = None,
) -> Answer: ...
def ask_by(answer: Optional[Answer] = None, signal: Optional[int] = None, reason: Optional[str] = None) -> None: ...
def ask_after(answer: Optional[Answer] = None, seconds: float = 0.0, repeats: bool = False, reason: Optional[str] = None) -> None: ...
def renew_asking() -> None: ...
def resume_asking() -> None: ...
def end_asking(seconds: float) -> bool: ...

def begin_stack() -> None:
    """Gives this thread a stack for the signal handler; `end_stack` takes it away."""

def end_stack() -> None: ...
def annotate_dump(path: str, packages: str, seconds: float) -> Dict[str, Any]: ...
def main(argv: Sequence[str]) -> int: ...
