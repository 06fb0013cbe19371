# What drgn reads in the memory of a guest that has crashed: who it was, where, with what in its variables, and what else
# there was. The dump is open as 3, and 4 takes the log of the kernel. A part that cannot be read says so, and the others
# go on: memory after a crash may hold anything.
#
# Usage: crash.py VMLINUX PID|'' OBJECT...
import os
import re
import sys

import drgn
from drgn.helpers.linux.cpumask import for_each_online_cpu
from drgn.helpers.linux.mm import cmdline
from drgn.helpers.linux.module import for_each_module, module_taints
from drgn.helpers.linux.pid import find_task
from drgn.helpers.linux.printk import get_dmesg
from drgn.helpers.linux.sched import cpu_curr, task_cpu, task_state_to_char

# Lines that the value of a variable takes at most, and their columns.
LINES, COLUMNS = 12, 110

# Who reports a crash: the place is below the last of them.
REPORTERS = re.compile(r"panic|oops|^die|^exc_|^asm_exc_|kasan|^__asan|^print_report|^end_report|pvpanic|notifier_call")


def section(title, lines):
    print(f"## {title}\n")
    for line in lines:
        print(f"    {line}".rstrip())
    print()


def attempt(title, read, *args):
    """Prints a section, or why there is nothing to read."""
    try:
        lines = list(read(*args))
    except Exception as error:
        lines = [f"cannot be read: {type(error).__name__}: {error}"]
    section(title, lines)


def shown(value):
    """A value in a few lines."""
    try:
        if value.absent_:
            return ["<optimized out>"]
        lines = value.format_(columns=COLUMNS, members_same_line=True, member_type_names=False).splitlines()
    except Exception as error:
        return [f"<cannot be read: {error}>"]
    lines = [line if len(line) <= 2 * COLUMNS else line[: 2 * COLUMNS] + "…" for line in lines]
    return lines if len(lines) <= LINES else lines[:LINES] + [f"… {len(lines) - LINES} lines more"]


def module_of(prog, frame):
    """The name of the module that has a frame; nothing for the kernel itself."""
    try:
        module = prog.module(frame.pc)
    except LookupError:
        return ""
    # The one that tells QEMU of a panic is none that has one.
    return "" if isinstance(module, drgn.MainModule) or module.name.startswith("pvpanic") else module.name


def heading(prog, number, frame):
    try:
        source = frame.source()
        place = f" at {os.path.normpath(source[0])}:{source[1]}"
    except LookupError:
        place = ""
    module = module_of(prog, frame)
    return f"#{number:<2} {frame.name}{place}{f' [{module}]' if module else ''}{' (inlined)' if frame.is_inline else ''}"


def place_in(prog, trace):
    """The number of the frame where it happened: the first one of a module, or the one below those who report."""
    frames = list(enumerate(trace))
    for number, frame in frames:
        if module_of(prog, frame):
            return number
    last = [number for number, frame in frames if REPORTERS.search(frame.name or "")]
    return last[-1] + 1 if last and last[-1] + 1 < len(frames) else 0


def frames_of(prog, trace):
    place = place_in(prog, trace)
    for number, frame in enumerate(trace):
        yield heading(prog, number, frame) + ("   <-- here" if number == place else "")
        # Those above are of who reports.
        for name in frame.locals() if number >= place else []:
            try:
                first, *others = shown(frame[name])
            except Exception as error:
                first, others = f"<cannot be read: {error}>", []
            yield f"      {name} = {first}"
            yield from (f"        {line}" for line in others)


def task_of(task):
    yield f"{task.comm.string_().decode(errors='replace')}, pid {int(task.pid)}, on processor {task_cpu(task)}"
    yield f"state {task_state_to_char(task)}, task_struct at {int(task):#x}"
    try:
        words = cmdline(task)
        yield "a thread of the kernel" if words is None else "command: " + b" ".join(words).decode(errors="replace")
    except Exception:
        yield "command: cannot be read"
    parents, parent = [], task.real_parent
    while int(parent.pid) != 0 and len(parents) < 20:
        parents.append(f"{parent.comm.string_().decode(errors='replace')} ({int(parent.pid)})")
        parent = parent.real_parent
    yield "started by: " + (", ".join(parents) or "the kernel")


def processors(prog):
    for cpu in for_each_online_cpu(prog):
        task = cpu_curr(prog, cpu)
        yield f"processor {cpu}: {task.comm.string_().decode(errors='replace')}, pid {int(task.pid)}"
        try:
            for number, frame in list(enumerate(prog.stack_trace(task)))[:12]:
                yield "  " + heading(prog, number, frame)
        except Exception as error:
            yield f"  its stack cannot be read: {error}"


def modules(prog):
    for loaded in for_each_module(prog):
        name = loaded.name.string_().decode(errors="replace")
        try:
            module = prog.linux_kernel_loadable_module(loaded)
            build = module.build_id.hex() if module.build_id else "unknown"
            symbols = module.debug_file_path or "none of this build: it was made again since, or is not on this host"
        except LookupError:
            build, symbols = "unknown", "unknown"
        yield f"{name}: build {build}, taints {module_taints(loaded) or 'none'}"
        yield f"  symbols: {symbols}"


def crashed_task(prog, pid):
    try:
        return prog.crashed_thread().object
    except (LookupError, ValueError):
        return find_task(prog, int(pid)) if pid else None


def main(vmlinux, pid, *objects):
    # QEMU does not name the machine where it is looked for.
    prog = drgn.Program(drgn.Platform(drgn.Architecture.X86_64))
    prog.set_core_dump(3)
    # What is asked for, and nothing from elsewhere.
    prog.set_enabled_debug_info_finders([])
    try:
        prog.load_debug_info([vmlinux, *objects])
    except drgn.MissingDebugInfoError:
        pass
    with open(4, "wb") as log:
        try:
            log.write(get_dmesg(prog))
        except Exception as error:
            print(f"the log of the kernel cannot be read: {error}\n")
    task = crashed_task(prog, pid)
    if task:
        attempt("The task", task_of, task)
        attempt("Its stack, with what is in its variables", lambda: frames_of(prog, prog.stack_trace(task)))
    else:
        section("The task", ["it is gone: it ended with the crash, and the guest went on"])
    attempt("The processors", processors, prog)
    attempt("The modules, and their builds", modules, prog)


main(*sys.argv[1:])
