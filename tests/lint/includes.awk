# awk -f includes.awk includes.txt FILE...: checks every include against the table. Tests may include third-party headers freely.
FNR == 1 { file_n++; fresh = 1 }
file_n == 1 {
	sub(/#.*/, "")
	if (split($0, side, /:[ \t]*/) < 2)
		next
	if (side[1] ~ /^</)
		foreign[side[1]] = side[2]
	else
		may[side[1]] = side[2]
	next
}
/^#[ \t]*include[ \t]/ {
	what = $0
	sub(/^#[ \t]*include[ \t]*/, "", what)
	if (match(what, /^"[^"]*"/))
		ours(substr(what, 2, RLENGTH - 2))
	else if (match(what, /^<[^>]*>/))
		theirs(substr(what, 1, RLENGTH))
}
END { exit bad }

function under(path, list,    word, n, i)
{
	n = split(list, word, /[ \t]+/)
	for (i = 1; i <= n; i++)
		if (path == word[i] || index(path, word[i] "/") == 1)
			return 1
	return 0
}
# The table's row for a file: its own, else its folder's.
function row(path)
{
	if (!(path in may))
		path = folder(path)
	return path in may ? path : ""
}
function folder(path)
{
	sub(/\/[^\/]*$/, "", path)
	return path
}
function ours(target,    r)
{
	r = row(FILENAME)
	if (r == "")
		complain("has no row in includes.txt")
	else if (folder(target) != folder(FILENAME) && !under(target, may[r]))
		complain("may not include " target)
	if (target !~ /\//)
		complain("names " target " without its folder")
}
function theirs(header)
{
	if (header in foreign && FILENAME !~ /^tests\// && !under(FILENAME, foreign[header]))
		complain("may not include " header)
	if (header ~ /^<(libwebsockets|ev|curl|sqlite3|cjson|sodium|cmocka|ncurses|curses|readline|librdkafka|openssl|json-c|uv|event)[.\/]/ && !(header in foreign))
		complain("includes " header ", which has no row in includes.txt")
}
function complain(what)
{
	print FILENAME ":" FNR ": " what
	bad = 1
}
