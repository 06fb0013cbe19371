# What the kernel's own scripts for gdb lack, under the names that newer ones give it. Source: scripts/gdb of Linux.
import gdb
from linux import symbols


def radix_tree_entry(tree, index):
    """The entry of a tree at an index, or None. Source: lib/xarray.c, xas_load(); lib/radix-tree.c before Linux 4.20."""
    is_xarray = "xa_head" in tree.type.keys()
    node_type = gdb.lookup_type("struct xa_node" if is_xarray else "struct radix_tree_node").pointer()
    # Of a pointer to a node: what its two last bits are.
    mark = 2 if is_xarray else 1
    entry, is_head = tree["xa_head" if is_xarray else "rnode"], True
    while int(entry) & 3 == mark and int(entry) > 4096:
        node = gdb.Value(int(entry) - mark).cast(node_type)
        last = node["slots"].type.range()[1]
        place = index >> int(node["shift"])
        if is_head and place > last:
            return None
        entry, is_head = node["slots"][place & last], False
    if int(entry) == 0 or is_head and index > 0:
        return None
    return entry


class RadixTreeLookup(gdb.Function):
    """Return what a radix tree has at an index, to be cast to its type.

$lx_radix_tree_lookup(TREE, INDEX), as in (struct irq_desc)$lx_radix_tree_lookup(irq_desc_tree, 4)."""

    def __init__(self):
        super(RadixTreeLookup, self).__init__("lx_radix_tree_lookup")

    def invoke(self, tree, index):
        if tree.type.strip_typedefs().code == gdb.TYPE_CODE_PTR:
            tree = tree.dereference()
        entry = radix_tree_entry(tree, int(index))
        if entry is None:
            raise gdb.GdbError("there is nothing at index {0} of that tree".format(int(index)))
        # gdb casts what is in memory to any type.
        return entry.cast(gdb.lookup_type("char").pointer()).dereference()


if gdb.parse_and_eval("$lx_radix_tree_lookup").type.code == gdb.TYPE_CODE_VOID:
    RadixTreeLookup()


def with_init_text(section_arguments):
    """Has lx-symbols read the init function of a module, too, as long as the module has not given that memory back."""

    def arguments(self, module, *rest):
        known = section_arguments(self, module, *rest)
        if ".init.text" in known or int(module["state"]) != int(gdb.parse_and_eval("MODULE_STATE_COMING")):
            return known
        sections = module["sect_attrs"]
        for n in range(int(sections["nsections"])):
            section = sections["attrs"][n]
            if section["battr"]["attr"]["name"].string() == ".init.text":
                known += " -s .init.text {0}".format(hex(int(section["address"])))
        return known

    return arguments


if hasattr(symbols.LxSymbols, "_section_arguments"):
    symbols.LxSymbols._section_arguments = with_init_text(symbols.LxSymbols._section_arguments)
