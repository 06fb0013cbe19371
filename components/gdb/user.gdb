# gdb, attached to @guest@ with the symbols of kernel and module. Written by pulumi up.
# The guest stands still while gdb is at its prompt; "detach" or "quit" lets it go.
