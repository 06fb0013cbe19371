echo proof: lines\n
info line @function@
info symbol @function@
x/2i @function@
echo proof: done\n
detach
