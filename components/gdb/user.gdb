# gdb, attached to @guest@ with the symbols of kernel and module. Written by pulumi up.
# The guest stands still while gdb is at its prompt; "detach" or "quit" lets it go.
python
import subprocess
# A second client would be told nothing, and wait.
client = subprocess.run(["bash", "-c", @attached@], capture_output=True, text=True).stdout.strip()
if client:
    print("cannot attach to @guest@: its stub takes one client, and that is " + client + "; detach or quit there first")
    gdb.execute("quit 1")
end
