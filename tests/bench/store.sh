#!/bin/sh
# tests/bench/store.sh: what chatd's size costs: sockets that are open and idle, the start after many messages, sending as the store grows.
# Environment: BUILD (build); IDLE, sockets (20000, or what the limit of descriptors allows); GROWTH, a factor on the store's size (1: 20 million messages,
# 1 million users; about three minutes and 10 GB under BUILD or BENCH_DIR).
# Prints the figures; adds them to BUILD/bench/results.json when that is there.
set -u
BUILD=${BUILD:-build} GROWTH=${GROWTH:-1}
bin=$BUILD/bench
chatd='' idle=''
mkdir -p "$bin" || exit 2
dir=$(mktemp -d "${BENCH_DIR:-$bin}/store.XXXXXX") || exit 2
dir=$(cd "$dir" && pwd)
mkfifo "$dir/hold"

# shellcheck disable=SC2317 # the trap calls it
finish()
{
	for pid in $chatd $idle; do
		kill "$pid" 2>/dev/null && wait "$pid" 2>/dev/null
	done
	rm -rf "$dir"
}
trap finish EXIT
trap 'exit 130' INT TERM

die()
{
	echo "store.sh: $*" >&2
	[ ! -s "$dir/chatd.log" ] || tail -5 "$dir/chatd.log" >&2
	exit 2
}

# scaled N: N, times GROWTH.
scaled()
{
	awk -v n="$1" -v g="$GROWTH" 'BEGIN { printf "%d", n * g }'
}

now()
{
	date +%s.%N
}

# start: chatd; $took: seconds until it serves.
start()
{
	rm -f "$dir/ready"
	began=$(now)
	"$BUILD/chatd" --data "$dir/data" --listen 127.0.0.1:0 --ready-file "$dir/ready" --log-level warn --login-rate 100000000 >>"$dir/chatd.log" 2>&1 &
	chatd=$!
	tries=6000
	until [ -s "$dir/ready" ]; do
		kill -0 "$chatd" 2>/dev/null || die "chatd ended at once"
		tries=$((tries - 1))
		[ $tries -gt 0 ] || die "chatd is not ready after a minute"
		sleep 0.01
	done
	took=$(echo "$(now) $began" | awk '{ printf "%.2f", $1 - $2 }')
	port=$(sed 's/.*://; s:/.*::' "$dir/ready")
}

# end SIGNAL
end()
{
	kill "-$1" "$chatd"
	wait "$chatd" 2>/dev/null
	chatd=''
}

# accounts FIRST COUNT: adds bench accounts to $dir/tokens.
accounts()
{
	curl -sSf --unix-socket "$dir/data/admin.sock" -H "Authorization: Bearer $(cat "$dir/data/admin.token")" -H 'Content-Type: application/json' \
		-d "{\"prefix\":\"b-\",\"count\":$2,\"first\":$1}" http://localhost/admin/bench >"$dir/accounts" || die "cannot make accounts"
	{
		tr '[' '\n' <"$dir/accounts"
		echo
	} | sed -n 's/^"\([^"]*\)","\([^"]*\)"\].*/\1 \2/p' >>"$dir/tokens"
}

# load OPTION...: one run; its line is in $dir/out.
load()
{
	"$bin/load" --port "$port" --server-pid "$chatd" --tokens "$dir/tokens" "$@" >"$dir/out" 2>"$dir/err" || die "$(cat "$dir/out" "$dir/err")"
}

member()
{
	sed -n "s/.*\"$1\":\\([0-9.]*\\).*/\\1/p" "$dir/out"
}

# figure NAME VALUE UNIT LIMIT RATIO [P50 P99]: a line for people, and an object for results.json.
figure()
{
	echo "{\"figure\":\"$1\",\"value\":$2,\"unit\":\"$3\",\"limit\":$4,\"ratio\":$5,\"p50_ms\":${6:-null},\"p99_ms\":${7:-null}}" >>"$dir/json"
	printf '%-28s %s %s%s\n' "$1" "$2" "$3" "$([ "$5" = null ] || echo ", ratio $5")"
}

resident_kb()
{
	sed -n 's/^VmRSS:[^0-9]*\([0-9]*\).*/\1/p' "/proc/$chatd/status"
}

measure_idle()
{
	IDLE=${IDLE:-20000}
	most=$(($(awk '/^Max open files/ { print $5 }' /proc/self/limits) - 500))
	[ "$IDLE" -le "$most" ] || { echo "store.sh: $most idle sockets in place of $IDLE: ulimit -Hn" >&2; IDLE=$most; }
	start
	: >"$dir/tokens"
	accounts 1 "$((IDLE + 2))"
	# The active pair is the last two accounts, measured alone and then beside the idle ones.
	tail -2 "$dir/tokens" >"$dir/pair"
	"$bin/load" --port "$port" --tokens "$dir/pair" --connections 2 --senders 1 --window 1 --seconds 2 ws >"$dir/out" || die "the pair failed"
	alone=$(member e2e_p99_ms)
	before=$(resident_kb)
	"$bin/load" --port "$port" --tokens "$dir/tokens" --connections "$IDLE" idle <"$dir/hold" >"$dir/idle.out" 2>"$dir/idle.err" &
	idle=$!
	exec 3>"$dir/hold"
	tries=1200
	until [ -s "$dir/idle.out" ]; do
		kill -0 $idle 2>/dev/null || die "$(cat "$dir/idle.err")"
		tries=$((tries - 1))
		[ $tries -gt 0 ] || die "the idle sockets are not open after a minute"
		sleep 0.05
	done
	after=$(resident_kb)
	"$bin/load" --port "$port" --tokens "$dir/pair" --connections 2 --senders 1 --window 1 --seconds 2 ws >"$dir/out" || die "the pair failed beside the idle sockets"
	exec 3>&-
	wait $idle
	idle=''
	figure idle "$(echo "$after $before $IDLE" | awk '{ printf "%.2f", ($1 - $2) / $3 }')" "KB of chatd a socket, $IDLE sockets" null \
		"$(echo "$(member e2e_p99_ms) $alone" | awk '{ printf "%.2f", $2 ? $1 / $2 : 0 }')" "$(member e2e_p50_ms)" "$(member e2e_p99_ms)"
	end TERM
	rm -rf "$dir/data"
}

# fill N: sends N messages, from all users in turn.
fill()
{
	load --connections 64 --window 100 --seconds 600 --messages "$1" --spread http
}

# cost: CPU of chatd a message and latency of sending to all users in turn, at the size that the store has.
cost()
{
	load --connections 64 --window 10 --seconds 3 --spread http
	cost_us=$(member server_us_per_message) cost_p50=$(member ack_p50_ms) cost_p99=$(member ack_p99_ms)
}

measure_growth()
{
	start
	: >"$dir/tokens"
	accounts 1 10000
	fill "$(scaled 1000000)"
	cost
	small=$cost_us
	figure growth-small "$small" 'us/message, 1 M messages, 10 k users' null null "$cost_p50" "$cost_p99"
	fill "$(scaled 8000000)"
	end KILL
	start
	figure start-10m-killed "$took" 's, after kill -9' null null
	end TERM
	start
	figure start-10m "$took" 's, with a snapshot' null null
	end TERM
	rm -f "$dir"/data/journal/heads*
	start
	figure start-10m-no-snapshot "$took" 's, without one' null null
	first=10001
	while [ "$first" -lt "$(scaled 1000000)" ]; do
		accounts "$first" 90000
		first=$((first + 90000))
	done
	fill "$(scaled 10000000)"
	cost
	figure growth "$cost_us" 'us/message, 20 M messages, 1 M users' null "$(echo "$cost_us $small" | awk '{ printf "%.2f", $1 / $2 }')" "$cost_p50" "$cost_p99"
	echo "memory of chatd then: $(resident_kb) KB"
	end TERM
}

measure_idle
measure_growth
[ ! -s "$bin/results.json" ] || {
	sed '$d' "$bin/results.json" | sed '$s/$/,/'
	sed '$!s/$/,/' "$dir/json"
	echo ']'
} >"$dir/results.json" && mv "$dir/results.json" "$bin/results.json"
