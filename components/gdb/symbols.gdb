cd @build@
set auto-load python-scripts off
file @build@/vmlinux
source @build@/vmlinux-gdb.py
python
@more@end
set auto-load python-scripts on
set tcp connect-timeout 15
set remotetimeout 15
