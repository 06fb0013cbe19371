echo proof: lines\n
info line @function@
# Absolute, however the compiler wrote it.
python source = gdb.decode_line("@function@")[1][0].symtab
python print("file: " + (source.fullname() if source else ""))
info symbol @function@
x/2i @function@
echo proof: done\n
detach
