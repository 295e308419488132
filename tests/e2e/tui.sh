# shellcheck shell=sh
# What the tests of chatui share, on top of ctl.sh: a terminal of their own (a private tmux), keys, and what is on the screen.
# shellcheck source=tests/e2e/ctl.sh
. tests/e2e/ctl.sh
command -v tmux >/dev/null || skip_all "tmux is not here"
SOCKET="$TEST_DIR/tmux"

terminal()
{
	env -u TMUX tmux -S "$SOCKET" -f /dev/null "$@"
}

cleanup_tui()
{
	terminal kill-server 2>/dev/null
	cleanup_ctl
}
trap cleanup_tui EXIT

_no_terminal()
{
	! terminal list-sessions && ! pgrep -f "tmux -S $SOCKET"
}

# As when the connection of a login over ssh breaks.
close_screen()
{
	terminal kill-server 2>/dev/null
	wait_for _no_terminal
}

# open_screen COLS ROWS [ENVIRONMENT...] -- ARGUMENT...: chatui in a window of that size; RC holds its exit status once it has ended.
open_screen()
{
	_cols=$1 _rows=$2 _env=
	shift 2
	while [ "$1" != -- ]; do
		_env="$_env $1"
		shift
	done
	shift
	rm -f "$TEST_DIR/rc"
	close_screen
	terminal new-session -d -s t -x "$_cols" -y "$_rows" \
		"stty -ixon; env LANG=C.UTF-8 TERM=tmux-256color CHAT_CONFIG_DIR=$CHAT_CONFIG_DIR TZ=UTC $_env $BUILD/chatui $* 2>$TEST_DIR/tui.err; echo \$? >$TEST_DIR/rc; stty -a >$TEST_DIR/stty; cat"
}

keys()
{
	terminal send-keys -t t "$@"
}

typed()
{
	terminal send-keys -t t -l -- "$1"
}

screen()
{
	terminal capture-pane -p -t t
}

_on_screen()
{
	screen | grep -Eq -- "$1"
}

# shown NAME REGEX: it comes to be on the screen.
shown()
{
	if wait_for -t 15 _on_screen "$2"; then
		pass "$1"
	else
		fail "$1" "wanted something like '$2' on: $(screen; cat "$TEST_DIR/tui.err")"
	fi
}

_off_screen()
{
	! _on_screen "$1"
}

# vanishes NAME REGEX
vanishes()
{
	if wait_for -t 15 _off_screen "$2"; then
		pass "$1"
	else
		fail "$1" "wanted nothing like '$2' on: $(screen)"
	fi
}
