target remote @stub@
lx-symbols @tree@
