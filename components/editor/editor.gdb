# For the debug adapter of an editor, which attaches to @guest@ by itself: then the module's symbols follow. Written by
# pulumi up.
define target hookpost-remote
lx-symbols @tree@
end
# An adapter may end its session so: QEMU would end, or leave the guest stopped, where the guest is to go on.
define hook-kill
detach
end
define hook-disconnect
detach
end
