#!/bin/sh
# packaging/deps.sh [-n] GROUP...: installs the Debian packages of these groups (build check lint fuzz) that are missing. -n only lists them.
# As root by apt-get; else by sudo when it works; else it names the packages and ends with 1. Does nothing, fast, when nothing is missing.
set -eu

packages()
{
	case $1 in
	build)
		echo gcc libc6-dev make pkg-config libwebsockets-dev libwebsockets-evlib-ev libev-dev libcurl4-openssl-dev \
			libcjson-dev libsodium-dev libsqlite3-dev libreadline-dev libncurses-dev libutf8proc-dev
		;;
	check) echo libcmocka-dev perl python3 python3-websockets python3-requests curl jq procps tmux ;;
	lint) echo clang clang-format shellcheck mandoc perl ;;
	fuzz) echo clang libclang-rt-dev ;;
	*)
		echo "deps.sh: no group '$1': build check lint fuzz" >&2
		exit 2
		;;
	esac
}

missing()
{
	for p in "$@"; do
		dpkg-query -W -f '${db:Status-Status}' "$p" 2>/dev/null | grep -qx installed || echo "$p"
	done
}

as_root()
{
	if [ "$(id -u)" = 0 ]; then
		"$@"
	else
		sudo "$@"
	fi
}

may_become_root()
{
	[ "$(id -u)" = 0 ] && return 0
	command -v sudo >/dev/null || return 1
	sudo -n true 2>/dev/null || [ -t 0 ]
}

apt()
{
	as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=300 "$@" </dev/null
}

known()
{
	for p in "$@"; do
		apt-cache policy "$p" 2>/dev/null | grep -q 'Candidate: [0-9]' || return 1
	done
}

list_only=
if [ "${1-}" = -n ]; then
	list_only=yes
	shift
fi
if ! command -v dpkg-query >/dev/null; then
	echo "deps.sh: this is no Debian; the packages in $0 name what is needed" >&2
	exit 0
fi
wanted=$(for group in "$@"; do packages "$group"; done)
# shellcheck disable=SC2086 # a list of words
need=$(missing $wanted | sort -u | tr '\n' ' ')
need=${need% }
if [ -n "$list_only" ]; then
	echo "$need"
	exit 0
fi
[ -n "$need" ] || exit 0
if ! may_become_root; then
	echo "These Debian packages are missing: $need" >&2
	echo "Install them as root:  apt-get install --no-install-recommends $need" >&2
	exit 1
fi
echo "installing: $need" >&2
# shellcheck disable=SC2086
if known $need && apt install --no-install-recommends $need >&2; then
	exit 0
fi
apt update >&2
# shellcheck disable=SC2086
apt install --no-install-recommends $need >&2
