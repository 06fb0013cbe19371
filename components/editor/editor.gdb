# For the debug adapter of an editor, which attaches to @guest@ by itself: then the module's symbols follow. Written by
# pulumi up.
define target hookpost-remote
lx-symbols @tree@
end
