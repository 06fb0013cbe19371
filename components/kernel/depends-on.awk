# Joins what the entry of one symbol depends on, `name`, and stops at its help and at the next entry.
/^[ \t]*(menu)?config[ \t]/ { own = $NF == name }
/^[ \t]*help/ { own = 0 }
own && sub(/^[ \t]*depends on /, "") { printf "%s%s", found++ ? " && " : "", $0 }
