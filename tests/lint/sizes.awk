# Reads C files as clang-format leaves them: a function's body begins with a "{" alone in the first column and ends with "}" there.
# Functions of at most 80 lines, files of at most 800, control statements at most 4 deep.
FNR == 1 { finish(); file = FILENAME; head = ""; inside = 0 }
{ lines = FNR }
/^[a-z].*\(/ && !inside { head = $0 }
/^\{$/ { inside = 1; began = FNR }
inside && /^\t+(if|for|while|do|switch|LIST_FOREACH|TAILQ_FOREACH|STAILQ_FOREACH)[ (]/ {
	match($0, /^\t+/)
	if (RLENGTH > 4)
		complain(FNR, "nested " RLENGTH " deep (4)")
}
/^\}/ && inside {
	inside = 0
	if (FNR - began > 81)
		complain(began, "function of " FNR - began - 1 " lines (80): " head)
}
END { finish(); exit bad }
function finish()
{
	if (file != "" && lines > 800)
		complain(lines, "file of " lines " lines (800)")
}
function complain(line, what)
{
	print file ":" line ": " what
	bad = 1
}
