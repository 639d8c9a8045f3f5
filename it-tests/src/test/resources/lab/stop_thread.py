"""Stops one thread of a process for good, as a fault would: stop_thread.py PID NAME. Says "stopped", and holds it until the
process ends. SIGSTOP would stop all threads, so this is done as a debugger does it (ptrace(2))."""

import ctypes
import os
import sys

PTRACE_SEIZE = 0x4206
PTRACE_INTERRUPT = 0x4207
WALL = 0x40000000

libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]


def ptrace(request, thread):
    if libc.ptrace(request, thread, None, None) != 0:
        raise OSError(ctypes.get_errno(), f"ptrace {request:#x} of thread {thread}")


def thread_named(process, name):
    tasks = f"/proc/{process}/task"
    for thread in os.listdir(tasks):
        with open(f"{tasks}/{thread}/comm") as comm:
            # the kernel keeps 15 bytes of a name
            if comm.read().strip() == name[:15]:
                return int(thread)
    raise SystemExit(f"no thread {name} in process {process}")


victim = thread_named(sys.argv[1], sys.argv[2])
ptrace(PTRACE_SEIZE, victim)
ptrace(PTRACE_INTERRUPT, victim)
while True:
    _, status = os.waitpid(victim, WALL)
    if not os.WIFSTOPPED(status):
        break
    print("stopped", flush=True)
