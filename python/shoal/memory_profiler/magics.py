"""The magics %mprun and %memit, as line and as cell magics.

Imported when they are wanted: this needs IPython only where something runs.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["MemitResult", "register"]


class MemitResult:
    """What %memit measured.

    Attributes
    ----------
    mem_usage : list of float
        The highest memory of each repetition, in MiB.
    baseline : float
        Memory before the first one, in MiB.
    repeat : int
        How many there were.
    timeout, interval : float or None
        As they were asked for, in seconds.
    include_children : bool
        Whether the memory of child processes was added.
    """

    def __init__(
        self,
        mem_usage: list[float],
        baseline: float,
        repeat: int,
        timeout: float | None,
        interval: float,
        include_children: bool,
    ) -> None:
        self.mem_usage = mem_usage
        self.baseline = baseline
        self.repeat = repeat
        self.timeout = timeout
        self.interval = interval
        self.include_children = include_children

    def __str__(self) -> str:
        highest = max(self.mem_usage)
        return f"peak memory: {highest:.2f} MiB, increment: {highest - self.baseline:.2f} MiB"

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        printer.text(f"<MemitResult : {self}>")


def mprun(self: Any, parameter_s: str = "", cell: str | None = None) -> Any:
    """Run a statement and show the memory after each line of chosen functions.

    ::

      %mprun -f function -f Class.method statement

      %%mprun -f function [statement]
      more statements ...

    Functions may be defined in this notebook.

    Options
    -------
    -f FUNCTION   an expression, without blanks, that is a function; may be repeated
    -T FILE       write the tables to a file too
    -r            return the LineProfiler
    -c            add the memory of child processes
    """
    import io

    from IPython.core.error import UsageError
    from IPython.core.page import page

    from shoal.memory_profiler.line_profiler import LineProfiler, show_results
    from shoal.profiler.source import NoSourceError, code_of, take

    given = parameter_s.replace('"', r"\"").replace("'", r"\'")
    options, statement = self.parse_options(given, "rf:T:c", list_all=True)
    if cell is not None:
        statement += "\n" + cell
    profiler = LineProfiler(include_children="c" in options)
    for name in options.get("f", []):
        try:
            function = eval(name, self.shell.user_global_ns, self.shell.user_ns)
            take(code_of(function))
        except NoSourceError as error:
            raise UsageError(str(error)) from None
        except Exception as error:
            reason = f"{type(error).__name__}: {error}"
            raise UsageError(f"Could not find function {name!r}.\n{reason}") from None
        profiler.add_function(function)
    message = ""
    try:
        message = _run_profiled(self.shell, profiler, self.shell.transform_cell(statement))
    finally:
        written = io.StringIO()
        show_results(profiler, written)
        table = written.getvalue().rstrip()
        page(table)
        print(message)
        for path in options.get("T", [])[-1:]:
            with open(path, "w", encoding="utf-8") as file:
                file.write(table)
            print(f"\n*** Profile printout saved to text file {path}. {message}")
    return profiler if "r" in options else None


def _run_profiled(shell: Any, profiler: Any, statement: str) -> str:
    """Run a statement with `profile` among the builtins; return what to say of its end."""
    import builtins

    before = dict(vars(builtins))
    builtins.__dict__["profile"] = profiler
    try:
        profiler.runctx(statement, shell.user_global_ns, shell.user_ns)
    except (SystemExit, KeyboardInterrupt) as error:
        return f"*** {type(error).__name__} exception caught in code being profiled."
    finally:
        del builtins.__dict__["profile"]
        if "profile" in before:
            builtins.__dict__["profile"] = before["profile"]
    return ""


def memit(self: Any, line: str = "", cell: str | None = None) -> Any:
    """Measure the highest memory while a statement runs.

    ::

      %memit statement

      %%memit statement, run first and not measured
      statements ...

    Options
    -------
    -rN   repeat N times and take the highest (default: 1)
    -tT   accepted; a statement is measured until it ends
    -iI   seconds between samples (default: 0.1; a short statement has more)
    -c    add the memory of child processes
    -o    return a MemitResult
    -q    print nothing
    """
    import gc

    from shoal.memory_profiler.measuring import memory_usage

    options, statement = self.parse_options(line, "r:t:i:coq", posix=False, strict=False)
    setup, measured = ("pass", statement) if cell is None else (statement, cell)
    repeat = max(1, int(options.get("r", 1)))
    timeout = float(options.get("t", 0)) or None
    interval = float(options.get("i", 0.1))
    include_children = "c" in options
    names = self.shell.user_ns
    exec(self.shell.transform_cell(setup), names)
    code = compile(self.shell.transform_cell(measured), "<memit>", "exec")
    gc.collect()
    baseline = memory_usage(include_children=include_children)[0]
    highest = [
        memory_usage(
            (exec, (code, names)),
            interval=interval,
            max_usage=True,
            include_children=include_children,
        )
        for _ in range(repeat)
    ]
    result = MemitResult(highest, baseline, repeat, timeout, interval, include_children)
    if "q" not in options:
        print(result)
    return result if "o" in options else None


def register(ipython: Any) -> None:
    """Add the magics to a shell."""
    ipython.register_magics(__getattr__("MemoryProfilerMagics"))


def __getattr__(name: str) -> Any:
    if name != "MemoryProfilerMagics":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from IPython.core.magic import Magics, line_cell_magic, magics_class

    members = {
        "__doc__": "The magics %mprun and %memit.",
        "mprun": line_cell_magic(mprun),
        "memit": line_cell_magic(memit),
        "register_magics": classmethod(lambda cls, ip: ip.register_magics(cls)),
    }
    globals()[name] = magics_class(type(name, (Magics,), members))
    return globals()[name]
