#!/bin/bash
# What `make lint` checks, each a test of its own. Runs in the root of the tree.
set -u
BUILD=${BUILD:-build}
mapfile -t sources < <(find common server cli tui tests -name '*.[ch]' 2>/dev/null | sort)
mapfile -t units < <(printf '%s\n' "${sources[@]}" | grep '\.c$')
mapfile -t scripts < <(find .ci packaging tests -type f 2>/dev/null | sort | xargs -r grep -lE '^#!/bin/(sh|bash)')
mapfile -t pages < <(find man -name '*.[1-8]' | sort)

n=0
# check NAME COMMAND...: ok when the command ends with 0; what it said otherwise, as comments.
check()
{
	local name=$1 said
	shift
	n=$((n + 1))
	if said=$("$@" 2>&1); then
		echo "ok $n - $name"
	else
		echo "not ok $n - $name"
		printf '%s\n' "$said" | head -100 | sed 's/^/# /' >&2
	fi
}

# Other versions break lines elsewhere, so only one of them decides.
FORMATTER=14
format()
{
	clang-format --dry-run -Werror "${sources[@]}"
}

sizes()
{
	awk -f tests/lint/sizes.awk "${sources[@]}"
}

short_enough()
{
	awk -v max="$2" 'END { if (NR > max) { print FILENAME " has " NR " lines (" max ")"; exit 1 } }' "$1"
}

includes()
{
	awk -f tests/lint/includes.awk tests/lint/includes.txt "${sources[@]}"
}

# HACKING.md's map names every file of the programs: DIR/NAME.c or .h as "DIR/NAME" without the program's folder.
mapped()
{
	local f bad=0
	for f in "${sources[@]}"; do
		case $f in
		tests/* | cli/verb_*) continue ;;
		esac
		if ! grep -qF "    $(echo "${f%.*}" | cut -d/ -f2-)." HACKING.md; then
			echo "HACKING.md does not name $f"
			bad=1
		fi
	done
	return $bad
}

# Compiled in earnest, since some warnings come from the optimiser only.
warnings()
{
	local flags words
	flags=$(make -s flags) || return 1
	eval "words=($flags)"
	printf '%s\0' "${units[@]}" | xargs -0 -P "$(nproc)" -n 1 "$1" "${words[@]}" -Werror -c -o /dev/null
}

unfinished()
{
	! grep -rnE '\b(TODO|FIXME|XXX)\b' "${sources[@]}" man doc README.md HACKING.md SECURITY.md
}

# The tables that the programs print their help from are the source: what the pages and completions say must not fall behind.
documented()
{
	tests/lint/documented.sh "$BUILD"
}

if clang-format --version | grep -q "version $FORMATTER\."; then
	check "clang-format leaves every source as it is" format
else
	check "clang-format leaves every source as it is # SKIP version $FORMATTER decides" true
fi
check "functions, files and nesting are small enough" sizes
check "the Makefile is short" short_enough Makefile 150
check "HACKING.md is short" short_enough HACKING.md 150
check "HACKING.md names every source file" mapped
check "includes follow the table" includes
check "no warning from gcc" warnings gcc
check "no warning from clang" warnings clang
check "nothing unfinished" unfinished
check "shellcheck finds nothing in the scripts" shellcheck -x -S warning -e SC1010,SC3044 "${scripts[@]}"
check "mandoc finds nothing in the manual pages" mandoc -T lint -W warning "${pages[@]}"
check "manual pages and completions agree with the programs" documented
echo "1..$n"
