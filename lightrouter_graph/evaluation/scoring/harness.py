"""What runs inside the sandbox: an answer in code, then the tests that it must pass.

A script of the standard library alone, started with `-I -S`. It reads one JSON object from its standard input: `code`,
`tests`, `token`, `limits` (of `resource`, by name) and `uid` (whom to become, None for nobody else). Once all tests
have passed, it writes the token, and nothing else, to its standard output.

Whatever the answer might replace is taken hold of, or compiled, before the answer runs: names in this file, builtins,
`sys.exit`, `os.write`. What `main` needs is in its own variables for that reason.
"""

import builtins
import ctypes
import json
import os
import resource
import sys
import types

_PR_SET_DUMPABLE = 4
_NOBODY = 65534


def limit(limits: dict[str, int]) -> None:
    """Set limits that nothing in this process can raise again."""
    for name, most in limits.items():
        kind = getattr(resource, name)
        _, hard = resource.getrlimit(kind)
        least = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(kind, (least, least))


def become(uid: int) -> None:
    """Become a user who owns nothing but the working directory: limits on processes do not hold root."""
    known = os.path.dirname(os.__file__)
    opened = f"/proc/self/fd/{os.open(known, os.O_PATH | os.O_DIRECTORY)}"
    try:
        change_user(uid)
    except OSError:  # a container may have few users
        change_user(_NOBODY)
    if not os.access(os.__file__, os.R_OK):
        # The interpreter lies where only root may go. What is open already can still be read, by a process that may
        # look at itself.
        ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 1)
        sys.path[:] = [opened, f"{opened}/lib-dynload"]
        for package in [module for module in sys.modules.values() if hasattr(module, "__path__")]:
            package.__path__ = [place.replace(known, opened) for place in package.__path__]


def change_user(uid: int) -> None:
    """Give up being root."""
    os.chown(".", uid, uid)
    os.setgroups([])
    os.setgid(uid)
    os.setuid(uid)


def silence() -> int:
    """Take the standard streams away; return where the token goes."""
    told = os.dup(1)
    nothing = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nothing, stream)
    return told


def keep(kind: type) -> tuple[type, dict[str, object]]:
    """Remember what is in a class."""
    return kind, dict(vars(kind))


def supervise() -> None:
    """Stay behind as the first process of a namespace, with whom all others end; return in the one that goes on.

    What leaves the session survives the session's end, and what changes its user is no longer told to die with its
    parent. Nothing survives this process, which runs none of the answer.
    """
    if os.getpid() == 1:
        child = os.fork()
        if child:
            os.waitpid(child, 0)
            os._exit(0)


def main() -> None:
    """Run the answer and its tests."""
    supervise()
    job = json.loads(sys.stdin.buffer.read())
    limit(job["limits"])
    if job["uid"] is not None:
        become(job["uid"])
    told = silence()
    tests = compile(job["tests"], "<tests>", "exec")
    answer = types.ModuleType("answer")
    sys.modules["answer"] = sys.modules["__main__"] = answer
    kept = []
    if "unittest" in job["tests"]:
        import unittest  # noqa: PLC0415 - slow, and few tests need it

        case, outcome, loader = unittest.TestCase, unittest.TestResult, unittest.TestLoader
        kept = [keep(part) for part in (case, outcome, loader, unittest.TestSuite)]
    run, write, leave, trace = exec, os.write, os._exit, sys.settrace
    function, kind = types.FunctionType, type
    pristine, names = dict(vars(builtins)), vars(builtins)
    token = job.pop("token").encode()

    run(compile(job["code"], "<answer>", "exec"), vars(answer))

    trace(None)
    names.clear()
    names.update(pristine)
    if any(dict(vars(part)) != before for part, before in kept):
        leave(1)
    space = {**vars(answer), "__builtins__": pristine, "__name__": "answer"}
    own = dict(space)
    run(tests, space)
    for name, part in [(name, part) for name, part in space.items() if own.get(name) is not part]:
        if name.startswith("test_") and isinstance(part, function):
            part()
        elif kept and isinstance(part, kind) and issubclass(part, case) and part.__module__ == "answer":
            result = outcome()
            loader().loadTestsFromTestCase(part).run(result)
            if not result.wasSuccessful() or not result.testsRun:
                leave(1)
    write(told, token)
    leave(0)


if __name__ == "__main__":
    main()
