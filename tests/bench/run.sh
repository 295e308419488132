#!/bin/sh
# tests/bench/run.sh: measures chatd on loopback beside the raw limit of the machine, in interleaved rounds, and prints the medians.
# Beside them Redis Streams with an fsync for every write, when redis-server is installed: the strongest durable peer that a user could take instead.
# Environment: BUILD (build); ROUNDS (3); PERIOD, seconds of each run (3); CHATD_OPTIONS, more flags for chatd; BENCH_DIR, where the
# journals are written (under BUILD: a disk, not a file system in memory).
# Writes BUILD/bench/results.json. Ends with 1 when a run lost, repeated or refused a message, 2 when it could not measure.
set -u
BUILD=${BUILD:-build} ROUNDS=${ROUNDS:-3} PERIOD=${PERIOD:-3}
bin=$BUILD/bench
users=1000
chatd='' raw='' redis='' failed=0
mkdir -p "$bin" || exit 2
dir=$(mktemp -d "${BENCH_DIR:-$bin}/run.XXXXXX") || exit 2
dir=$(cd "$dir" && pwd)

# shellcheck disable=SC2317 # the trap calls it
finish()
{
	for pid in $chatd $raw $redis; do
		kill "$pid" 2>/dev/null && wait "$pid" 2>/dev/null
	done
	rm -rf "$dir"
}
trap finish EXIT
trap 'exit 130' INT TERM

die()
{
	echo "run.sh: $*" >&2
	[ ! -s "$dir/chatd.log" ] || tail -5 "$dir/chatd.log" >&2
	exit 2
}

# wait_ready FILE PID: until FILE is there, at most ten seconds.
wait_ready()
{
	tries=200
	until [ -s "$1" ]; do
		kill -0 "$2" 2>/dev/null || die "a server ended at once"
		tries=$((tries - 1))
		[ $tries -gt 0 ] || die "a server is not ready after ten seconds"
		sleep 0.05
	done
}

# It cannot pick a free port itself.
start_redis()
{
	mkdir "$dir/redis"
	for try in 1 2 3 4 5; do
		redis_port=$(awk -v seed="$$$try" 'BEGIN { srand(seed); print 20000 + int(rand() * 12000) }')
		redis-server --bind 127.0.0.1 --port "$redis_port" --dir "$dir/redis" --appendonly yes --appendfsync always --save '' \
			--auto-aof-rewrite-percentage 0 --loglevel warning >"$dir/redis.log" 2>&1 &
		redis=$!
		tries=100
		while kill -0 $redis 2>/dev/null && [ $tries -gt 0 ]; do
			[ "$(redis-cli -p "$redis_port" info server 2>/dev/null | tr -d '\r' | sed -n 's/^process_id://p')" != $redis ] || return 0
			tries=$((tries - 1))
			sleep 0.05
		done
	done
	die "redis-server does not start: $(tail -1 "$dir/redis.log")"
}

start_servers()
{
	# shellcheck disable=SC2086 # CHATD_OPTIONS is a list of words
	"$BUILD/chatd" --data "$dir/data" --listen 127.0.0.1:0 --ready-file "$dir/chatd.ready" --registration open --log-level warn \
		--login-rate 100000000 --argon-memory 8 --argon-passes 1 ${CHATD_OPTIONS:-} >"$dir/chatd.log" 2>&1 &
	chatd=$!
	"$bin/rawlimit" "$dir" "$dir/raw.ready" &
	raw=$!
	wait_ready "$dir/chatd.ready" $chatd
	wait_ready "$dir/raw.ready" $raw
	if command -v redis-server >/dev/null; then
		start_redis
	else
		echo "run.sh: no redis-server (Debian: redis-server), so nothing to compare with" >&2
	fi
	port=$(sed 's/.*://; s:/.*::' "$dir/chatd.ready")
	raw_port=$(cat "$dir/raw.ready")
	"$bin/load" --port "$port" --connections $users --tokens "$dir/tokens" create || die "cannot create the accounts"
	awk '{ print $1, $1 }' "$dir/tokens" >"$dir/raw.tokens"
}

# measure FIGURE LOAD_OPTION...: one run against chatd.
measure()
{
	figure=$1
	shift
	"$bin/load" --port "$port" --server-pid "$chatd" --tokens "$dir/tokens" --seconds "$PERIOD" "$@" >"$dir/out" 2>"$dir/err" || {
		echo "$figure: lost, repeated or refused messages, or broke off: $(cat "$dir/out" "$dir/err")" >&2
		failed=1
		kill -0 "$chatd" 2>/dev/null || die "chatd has ended"
	}
	cat "$dir/out" >>"$dir/$figure.runs"
}

# limit FIGURE LOAD_OPTION...: the same against rawlimit.
limit()
{
	figure=$1
	shift
	"$bin/load" --port "$raw_port" --server-pid "$raw" --tokens "$dir/raw.tokens" --seconds "$PERIOD" "$@" ws >>"$dir/$figure.limit" ||
		die "the raw limit failed"
}

# peer FIGURE LOAD_OPTION...: the same against Redis.
peer()
{
	figure=$1
	shift
	[ -n "$redis" ] || return 0
	"$bin/load" --port "$redis_port" --server-pid "$redis" --seconds "$PERIOD" "$@" redis >>"$dir/$figure.peer" ||
		die "redis failed: $(tail -1 "$dir/$figure.peer")"
	redis-cli -p "$redis_port" flushall >/dev/null
}

# whole_sends N: what a script pays for `chatctl send`, all of the process.
whole_sends()
{
	export CHAT_CONFIG_DIR="$dir/chatctl"
	if ! [ -d "$CHAT_CONFIG_DIR" ]; then
		echo 'correct horse battery' >"$dir/password"
		"$BUILD/chatctl" -q register bench-chatctl --url "http://127.0.0.1:$port" --password-file "$dir/password" || die "chatctl cannot register"
	fi
	n=0
	while [ $n -lt "$1" ]; do
		began=$(date +%s%N)
		"$BUILD/chatctl" send bench-chatctl "message $n" || die "chatctl send failed"
		echo "$began $(date +%s%N)" | awk '{ printf "{\"acked\":1,\"wall_ms\":%.2f}\n", ($2 - $1) / 1e6 }' >>"$dir/chatctl-send.runs"
		n=$((n + 1))
	done
}

one_round()
{
	measure ws-64x64 --connections 64 --window 64 ws
	limit ws-64x64 --connections 64 --window 64
	peer ws-64x64 --connections 64 --window 64
	measure ws-64x64-client-id --connections 64 --window 64 --client-ids ws
	measure ws-1000x8 --connections 1000 --window 8 ws
	limit ws-1000x8 --connections 1000 --window 8
	peer ws-1000x8 --connections 1000 --window 8
	measure http-256 --connections 256 --window 1 http
	measure http-array-100 --connections 64 --window 100 http
	measure ack-single --connections 2 --senders 1 --window 1 ws
	limit ack-single --connections 2 --senders 1 --window 1
	whole_sends 30
	"$bin/fsync" "$dir" 1 >>"$dir/fsync.runs" || die "fsync failed"
}

# field FILE NAME: the median of the member NAME over the lines of FILE; nothing when there is no file.
field()
{
	[ -s "$1" ] || return 0
	sed -n "s/.*\"$2\":\\([0-9.]*\\).*/\\1/p" "$1" | sort -n | awk '{ v[NR] = $1 } END { if (NR) print v[int((NR + 1) / 2)] }'
}

# row FIGURE: a line for people and an object for results.json.
row()
{
	runs=$dir/$1.runs
	value=$(field "$runs" messages_per_s)
	most=$(field "$dir/$1.limit" messages_per_s)
	[ -n "$value" ] || return 0
	awk -v figure="$1" -v value="$value" -v most="$most" -v peer="$(field "$dir/$1.peer" messages_per_s)" \
		-v peerus="$(field "$dir/$1.peer" server_us_per_message)" -v p50="$(field "$runs" ack_p50_ms)" -v p99="$(field "$runs" ack_p99_ms)" \
		-v p999="$(field "$runs" ack_p999_ms)" -v e50="$(field "$runs" e2e_p50_ms)" -v e99="$(field "$runs" e2e_p99_ms)" \
		-v us="$(field "$runs" server_us_per_message)" -v rawus="$(field "$dir/$1.limit" server_us_per_message)" -v json="$dir/json" '
	BEGIN {
		printf "%-20s %9d %9s %6s %9s %6s %8.2f %8.2f %8.2f %8s %8s %8.2f %7s %8s\n", figure, value, most == "" ? "-" : most,
			most == "" ? "-" : sprintf("%.2f", value / most), peer == "" ? "-" : peer, peer == "" ? "-" : sprintf("%.2f", value / peer), p50, p99, p999,
			e50 == 0 ? "-" : sprintf("%.2f", e50), e99 == 0 ? "-" : sprintf("%.2f", e99), us, rawus == "" ? "-" : sprintf("%.2f", rawus),
			peerus == "" ? "-" : sprintf("%.2f", peerus)
		printf "{\"figure\":\"%s\",\"value\":%d,\"unit\":\"messages/s\",\"limit\":%s,\"ratio\":%s,\"p50_ms\":%s,\"p99_ms\":%s}\n", figure,
			value, most == "" ? "null" : most, most == "" ? "null" : sprintf("%.3f", value / most), p50, p99 >>json
		printf "{\"figure\":\"%s-cpu\",\"value\":%s,\"unit\":\"us/message\",\"limit\":%s,\"ratio\":%s,\"p50_ms\":null,\"p99_ms\":null}\n", figure,
			us, rawus == "" ? "null" : rawus, rawus == "" || rawus == 0 ? "null" : sprintf("%.3f", us / rawus) >>json
		if (peer != "")
			printf "{\"figure\":\"%s-redis\",\"value\":%d,\"unit\":\"messages/s\",\"limit\":null,\"ratio\":%.3f,\"p50_ms\":null,\"p99_ms\":null}\n",
				figure, peer, value / peer >>json
	}'
}

report()
{
	printf '%-20s %9s %9s %6s %9s %6s %8s %8s %8s %8s %8s %8s %7s %8s\n' figure msg/s raw ratio redis ratio 'ack p50' p99 p99.9 'e2e p50' p99 'us/msg' 'raw us' 'redis us'
	for figure in ws-64x64 ws-64x64-client-id ws-1000x8 http-256 http-array-100 ack-single; do
		row "$figure"
	done
	p50=$(field "$dir/fsync.runs" p50_ms) p99=$(field "$dir/fsync.runs" p99_ms)
	echo "fdatasync of an append of 4 KiB: p50 $p50 ms, p99 $p99 ms"
	echo "{\"figure\":\"fsync\",\"value\":$p50,\"unit\":\"ms\",\"limit\":null,\"ratio\":null,\"p50_ms\":$p50,\"p99_ms\":$p99}" >>"$dir/json"
	wall=$(field "$dir/chatctl-send.runs" wall_ms)
	echo "chatctl send, the whole process: p50 $wall ms (promised: under 50)"
	echo "{\"figure\":\"chatctl-send\",\"value\":$wall,\"unit\":\"ms\",\"limit\":50,\"ratio\":null,\"p50_ms\":$wall,\"p99_ms\":null}" >>"$dir/json"
	awk 'BEGIN { printf "[" } { printf("%s\n%s", (NR > 1) ? "," : "", $0) } END { print "\n]" }' "$dir/json" >"$bin/results.json"
}

# Ends chatd and counts what stands in its journal: each acknowledged message, and no other.
check_journal()
{
	kill "$chatd"
	wait "$chatd" || die "chatd did not end well"
	chatd=''
	acked=$(cat "$dir"/*.runs | sed -n 's/.*"acked":\([0-9]*\).*/\1/p' | awk '{ n += $1 } END { printf "%.0f", n }')
	stored=$("$BUILD/chatd" journal verify "$dir/data" 2>&1 | sed -n 's/.* \([0-9]*\) messages with .*/\1/p')
	echo "acknowledged $acked messages; the journal, read again, holds ${stored:-none it could count}"
	[ "$acked" = "$stored" ] || failed=1
}

for program in "$BUILD/chatd" "$bin/load" "$bin/rawlimit" "$bin/fsync"; do
	[ -x "$program" ] || BUILD=$BUILD make --no-print-directory all bench-binaries || die "cannot build"
done
echo "$ROUNDS rounds, $PERIOD s a run, $(nproc) processors, load and server on the same ones; 200-byte bodies; times in ms"
start_servers
round=0
while [ $round -lt "$ROUNDS" ]; do
	one_round
	round=$((round + 1))
done
report
check_journal
exit $failed
