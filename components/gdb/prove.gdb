echo proof: lines\n
info line @function@
# Absolute, however the compiler wrote it.
python print("file: " + gdb.decode_line("@function@")[1][0].symtab.fullname())
info symbol @function@
x/2i @function@
echo proof: done\n
detach
