# A dump for gdb, which reads no compressed one, and knows memory by the addresses of the kernel only: the kernel itself,
# all memory where the kernel has it mapped, the modules, and the stacks of the tasks; and each processor as a thread, with
# its registers. Beside it are the commands by which gdb reads it, with the modules at their addresses.
#
# Usage: core.py DUMP VMLINUX CORE OBJECT...
import os
import struct
import sys

import drgn
from drgn.helpers.linux.cpumask import for_each_online_cpu
from drgn.helpers.linux.mm import in_direct_map
from drgn.helpers.linux.module import for_each_module, module_address_regions
from drgn.helpers.linux.pid import for_each_task
from drgn.helpers.linux.sched import cpu_curr

PAGE, STEP = 4096, 1 << 20
# The largest stack that a task has: with KASAN. Others have pages behind them that are not there.
STACK = 32768

# In the order of struct user_regs_struct of Linux.
REGISTERS = "r15 r14 r13 r12 rbp rbx r11 r10 r9 r8 rax rcx rdx rsi rdi orig_rax rip cs rflags rsp ss".split()


def ranges(prog):
    """Where there may be what somebody looks for: addresses, and how many bytes."""
    start, end = prog.symbol("_text").address, prog.symbol("_end").address
    yield start, end - start
    try:
        base = prog["page_offset_base"].value_()
    except KeyError:
        base = 0xFFFF888000000000
    yield base, prog["max_pfn"].value_() * PAGE
    for module in for_each_module(prog):
        yield from (region for region in module_address_regions(module) if region[1] > 0)
    for task in for_each_task(prog):
        if not in_direct_map(prog, task.stack):
            yield task.stack.value_(), STACK


def pieces(prog):
    """What of that is there, by its address."""
    for start, size in ranges(prog):
        for at in range(start & -PAGE, start + size, STEP):
            length = min(STEP, -(-(start + size - at) // PAGE) * PAGE)
            try:
                yield at, prog.read(at, length)
                continue
            except drgn.FaultError:
                pass
            for page in range(at, at + length, PAGE):
                try:
                    yield page, prog.read(page, PAGE)
                except drgn.FaultError:
                    pass


def notes_of(prog):
    """The registers of each processor, as a core has those of threads. Source: struct elf_prstatus of Linux."""
    notes = b""
    for cpu in for_each_online_cpu(prog):
        frames = list(prog.stack_trace(cpu_curr(prog, cpu)))
        # gdb goes on from a function that it knows, and has no module but ours.
        known = next((frame for frame in frames if frame.function_name and not frame.is_inline), frames[0]).registers()
        values = [known.get(name, 0) for name in REGISTERS] + [0] * (27 - len(REGISTERS))
        status = struct.pack("<32xi76x27Q8x", cpu + 1, *values)
        notes += struct.pack("<III8s", 5, len(status), 1, b"CORE") + status
    return notes


def write_core(prog, core):
    segments = []
    with open(core, "wb") as out:
        out.seek(PAGE)
        for at, data in pieces(prog):
            if segments and segments[-1][0] + segments[-1][2] == at:
                segments[-1][2] += len(data)
            else:
                segments.append([at, out.tell(), len(data)])
            # What is empty takes no room on the disk.
            if data.strip(b"\0"):
                out.write(data)
            else:
                out.seek(len(data), os.SEEK_CUR)
        notes, place = notes_of(prog), out.tell()
        out.write(notes)
        table = out.tell()
        out.write(struct.pack("<IIQQQQQQ", 4, 0, place, 0, 0, len(notes), 0, 0))
        for at, offset, size in segments:
            out.write(struct.pack("<IIQQQQQQ", 1, 7, offset, at, 0, size, size, 1))
        out.seek(0)
        ident = b"\x7fELF\x02\x01\x01" + bytes(9)
        out.write(struct.pack("<16sHHIQQQIHHHHHH", ident, 4, 62, 1, 0, table, 0, 0, 64, 56, len(segments) + 1, 0, 0, 0))


def write_commands(prog, core, vmlinux, objects):
    """Where the kernel is, and each section of a module, of those whose objects are given."""
    known = {os.path.basename(name)[:-3].replace("-", "_"): name for name in objects}
    with open(f"{core}.gdb", "w") as out:
        out.write(f"symbol-file {vmlinux} -o {prog.main_module().debug_file_bias:#x}\ncore-file {core}\n")
        for module in for_each_module(prog):
            name = module.name.string_().decode()
            if name not in known:
                continue
            attributes = module.sect_attrs
            sections = [attributes.attrs[number] for number in range(attributes.nsections)]
            places = [f"-s {at.battr.attr.name.string_().decode()} {at.address.value_():#x}" for at in sections]
            out.write(f"add-symbol-file {known[name]} {' '.join(places)}\n")


def main(dump, vmlinux, core, *objects):
    # QEMU does not name the machine where it is looked for.
    prog = drgn.Program(drgn.Platform(drgn.Architecture.X86_64))
    prog.set_core_dump(dump)
    prog.set_enabled_debug_info_finders([])
    try:
        prog.load_debug_info([vmlinux, *objects])
    except drgn.MissingDebugInfoError:
        pass
    try:
        prog.symbol("_text")
    except LookupError:
        sys.exit(f"cannot read {dump} in gdb: {vmlinux} is not the kernel that ran; drgn and crash may read it with that one's")
    write_core(prog, core)
    write_commands(prog, core, vmlinux, objects)


main(*sys.argv[1:])
