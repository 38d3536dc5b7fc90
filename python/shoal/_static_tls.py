"""What to say when a library finds no room for its thread-local variables.

Shoal's heap and the profiler's engine look at such variables for every block. So they
have them where a thread finds them in one step, in a space that glibc sets aside when
the program starts: "static TLS". Its size is fixed then, and libraries that were loaded
before may have used it up.
"""

from __future__ import annotations

__all__ = ["explained"]


def explained(error: ImportError, what: str, remedy: str) -> ImportError:
    """Return what to raise for an error of an import.

    Parameters
    ----------
    error : ImportError
        As the import raised it.
    what : str
        What cannot be loaded, as in ``"the line profiler"``.
    remedy : str
        What else helps, as in ``"import shoal before them"``.

    Returns
    -------
    ImportError
        One line that says what to do; the error itself where it has another cause.
    """
    if "static TLS" not in str(error):
        return error
    return ImportError(
        f"{what} cannot be loaded: the libraries loaded so far have used up static TLS, the "
        f"space for thread-local variables; {remedy}, or set "
        "GLIBC_TUNABLES=glibc.rtld.optional_static_tls=4096 in the environment",
        name=error.name,
        path=error.path,
    )
