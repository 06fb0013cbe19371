# A report as a page: lines that begin with # are its title, those with ## the titles of its parts.
function escaped(text) {
  gsub(/&/, "\\&amp;", text)
  gsub(/</, "\\&lt;", text)
  gsub(/>/, "\\&gt;", text)
  return text
}
function close_part() {
  if (open) print "</pre>"
  open = 0
}
BEGIN {
  print "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\">"
  print "<style>body{font:16px/1.5 sans-serif;max-width:72rem;margin:2rem auto;padding:0 1rem}"
  print "pre{background:#f4f4f4;padding:1rem;overflow-x:auto;font-size:13px;line-height:1.4}</style>"
}
/^# / {
  title = escaped(substr($0, 3))
  print "<title>" title "</title><h1>" title "</h1>"
  next
}
/^## / {
  close_part()
  print "<h2>" escaped(substr($0, 4)) "</h2><pre>"
  open = 1
  next
}
open { sub(/^    /, ""); print escaped($0); next }
NF { print "<p>" escaped($0) "</p>" }
END { close_part(); print "</html>" }
