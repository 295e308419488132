# bash completion for chatctl. Made by: chatctl completion bash
_chatctl() {
<<<<<<< HEAD
	local cur=${COMP_WORDS[COMP_CWORD]} word help
	COMPREPLY=()
	[[ $cur == '=' ]] && cur=
	while IFS=$'\t' read -r word help; do
		if [[ $word == :files ]]; then
			compopt -o filenames 2>/dev/null
			mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen -f -- "$cur")
		else
			COMPREPLY+=("$word")
		fi
	done < <(chatctl completion words -- "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
=======
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} verb= words= i
	for ((i = 1; i < COMP_CWORD; i++)); do
		case ${COMP_WORDS[i]} in
		send) verb=send; break ;;
		list | ls) verb=list; break ;;
		read) verb=read; break ;;
		mark) verb=mark; break ;;
		watch) verb=watch; break ;;
		search) verb=search; break ;;
		conv) verb=conv; break ;;
		contact) verb=contact; break ;;
		outbox) verb=outbox; break ;;
		register) verb=register; break ;;
		login) verb=login; break ;;
		logout) verb=logout; break ;;
		whoami) verb=whoami; break ;;
		passwd) verb=passwd; break ;;
		device) verb=device; break ;;
		context) verb=context; break ;;
		doctor) verb=doctor; break ;;
		check) verb=check; break ;;
		bench) verb=bench; break ;;
		server) verb=server; break ;;
		top) verb=top; break ;;
		api) verb=api; break ;;
		error) verb=error; break ;;
		completion) verb=completion; break ;;
		help) verb=help; break ;;
		esac
	done
	case $prev in
	--context | -c) mapfile -t COMPREPLY < <(compgen -W "$(chatctl context ls --output tsv 2>/dev/null | cut -f2)" -- "$cur"); return ;;
	--url) COMPREPLY=(); return ;;
	--output | -o) mapfile -t COMPREPLY < <(compgen -W "text json jsonl csv tsv" -- "$cur"); return ;;
	--format) COMPREPLY=(); return ;;
	--timeout) COMPREPLY=(); return ;;
	--retry) COMPREPLY=(); return ;;
	--file | -f) mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return ;;
	--id) COMPREPLY=(); return ;;
	--wait) COMPREPLY=(); return ;;
	--with) COMPREPLY=(); return ;;
	--since) COMPREPLY=(); return ;;
	--after) COMPREPLY=(); return ;;
	--limit) COMPREPLY=(); return ;;
	--with) COMPREPLY=(); return ;;
	--last) COMPREPLY=(); return ;;
	--up-to) COMPREPLY=(); return ;;
	--with) COMPREPLY=(); return ;;
	--with) COMPREPLY=(); return ;;
	--count) COMPREPLY=(); return ;;
	--durable) COMPREPLY=(); return ;;
	--exec-each) COMPREPLY=(); return ;;
	--tries) COMPREPLY=(); return ;;
	--mark) COMPREPLY=(); return ;;
	--with) COMPREPLY=(); return ;;
	--limit) COMPREPLY=(); return ;;
	--limit) COMPREPLY=(); return ;;
	--before) COMPREPLY=(); return ;;
	--after) COMPREPLY=(); return ;;
	--since) COMPREPLY=(); return ;;
	--up-to) COMPREPLY=(); return ;;
	--password-file) mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return ;;
	--device-name) COMPREPLY=(); return ;;
	--cacert) mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return ;;
	--display-name) COMPREPLY=(); return ;;
	--invite) COMPREPLY=(); return ;;
	--password-file) mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return ;;
	--device-name) COMPREPLY=(); return ;;
	--cacert) mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return ;;
	--old-password-file) mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return ;;
	--password-file) mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return ;;
	--user) COMPREPLY=(); return ;;
	--token-file) mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return ;;
	--cacert) mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return ;;
	--pin) COMPREPLY=(); return ;;
	--admin) mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return ;;
	--admin-token-file) mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return ;;
	--warn) COMPREPLY=(); return ;;
	--crit) COMPREPLY=(); return ;;
	--format) COMPREPLY=(); return ;;
	--durable) COMPREPLY=(); return ;;
	--out) mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return ;;
	--rate) COMPREPLY=(); return ;;
	--pairs) COMPREPLY=(); return ;;
	--duration | -d) COMPREPLY=(); return ;;
	--save) mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return ;;
	--admin) mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return ;;
	--admin-token-file) mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return ;;
	--accounts) mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return ;;
	--daily) COMPREPLY=(); return ;;
	--bytes) COMPREPLY=(); return ;;
	--growth) COMPREPLY=(); return ;;
	--peak) COMPREPLY=(); return ;;
	--per-node) COMPREPLY=(); return ;;
	--per-partition) COMPREPLY=(); return ;;
	--headroom) COMPREPLY=(); return ;;
	--replication) COMPREPLY=(); return ;;
	--days) COMPREPLY=(); return ;;
	--html) mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return ;;
	--admin) mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return ;;
	--admin-token-file) mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return ;;
	--count) COMPREPLY=(); return ;;
	--interval) COMPREPLY=(); return ;;
	--admin) mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return ;;
	--admin-token-file) mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return ;;
	--interval) COMPREPLY=(); return ;;
	--batch) COMPREPLY=(); return ;;
	--file | -f) mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return ;;
	esac
	case $verb in
	'') words="send list read mark watch search conv contact outbox register login logout whoami passwd device context doctor check bench server top api error completion help " ;;
	send) words=" -f --file --each-line --batch --id --queue --wait " ;;
	list) words=" --with --since --all --after --limit --all-pages --unread -e --empty " ;;
	read) words=" --with --last --mark " ;;
	mark) words=" --all --up-to --with " ;;
	watch) words=" --with --count --durable --exec-each --tries --mark --until-empty " ;;
	search) words=" --with --limit -e --empty " ;;
	conv) words=" --limit --before --after --all-pages --since --up-to -e --empty " ;;
	contact) words=" --blocked -e --empty " ;;
	outbox) words=" --failed --all -e --empty " ;;
	register) words=" --password-file --device-name --cacert --display-name --invite " ;;
	login) words=" --password-file --device-name --cacert " ;;
	logout) words=" --force " ;;
	whoami) words=" " ;;
	passwd) words=" --old-password-file --password-file " ;;
	device) words=" " ;;
	context) words="$(chatctl context ls --output tsv 2>/dev/null | cut -f2) --user --token-file --cacert --pin --admin --admin-token-file --force " ;;
	doctor) words=" " ;;
	check) words=" --warn --crit --format --durable " ;;
	bench) words=" --out --rate --pairs -d --duration --save --admin --admin-token-file --accounts --i-own-this-server --daily --bytes --growth --peak --per-node --measure --per-partition --headroom --replication --days --html " ;;
	server) words=" --admin --admin-token-file -y --yes --wait --count --interval " ;;
	top) words=" --admin --admin-token-file --interval --batch " ;;
	api) words=" -f --file " ;;
	error) words="bad-request bad-json bad-field bad-query bad-cursor bad-op subprotocol-required unauthenticated bad-login forbidden locked blocked not-recipient registration-closed invite-required wrong-password bad-origin not-found unknown-recipient method-not-allowed request-timeout user-taken client-id-reused key-id-reused length-required too-large uri-too-long unsupported-media-type expectation-failed upgrade-required rate-limited headers-too-large internal not-implemented overloaded draining unavailable bad-http-version insufficient-storage  " ;;
	completion) words="bash zsh fish " ;;
	help) words="send list read mark watch search conv contact outbox register login logout whoami passwd device context doctor check bench server top api error completion help options exit environment formats scripting security --man " ;;
	esac
	words+=" -c --context --url -o --output --json --format -q --quiet -v --verbose --timeout --retry --no-input --no-color --utc -n --dry-run -h --help --version "
	mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
>>>>>>> 90ba74a (chatctl bench plan --measure finds what a live server carries)
}
complete -F _chatctl chatctl
