#!/bin/sh
# packaging/install.sh BUILD DESTDIR PREFIX: copies what was built. packaging/install.sh --remove DESTDIR PREFIX: takes it away again; the
# configuration file and data stay.
set -eu

# source, folder under the prefix, mode
files()
{
	cat <<-END
		$1/chatd sbin 755
		$1/chatctl bin 755
		$1/chatui bin 755
		man/chatd.8 share/man/man8 644
		man/chatctl.1 share/man/man1 644
		man/chatui.1 share/man/man1 644
		man/chat.conf.5 share/man/man5 644
		completions/chatctl.bash share/bash-completion/completions 644
		completions/_chatctl share/zsh/site-functions 644
		completions/chatctl.fish share/fish/vendor_completions.d 644
		packaging/nginx.conf share/doc/chat 644
		packaging/haproxy.cfg share/doc/chat 644
		README.md share/doc/chat 644
		SECURITY.md share/doc/chat 644
		CHANGELOG.md share/doc/chat 644
		doc/protocol.md share/doc/chat 644
		doc/format.md share/doc/chat 644
		doc/performance.md share/doc/chat 644
		doc/openapi.json share/doc/chat 644
		man/chat-scenario.5 share/man/man5 644
		packaging/scenarios/evening-peak.scenario share/doc/chat/scenarios 644
		packaging/scenarios/smoke.scenario share/doc/chat/scenarios 644
		packaging/scenarios/flaky-train.scenario share/doc/chat/scenarios 644
		LICENSE share/doc/chat 644
	END
}

# Completions for bash are found by the command's name.
target_name()
{
	case $1 in
	*/chatctl.bash) echo chatctl ;;
	*) basename "$1" ;;
	esac
}

if [ "$1" = --remove ]; then
	dest=$2$3
	files x | while read -r source folder _; do
		rm -f "$dest/$folder/$(target_name "$source")"
	done
	rm -f "$dest/lib/systemd/system/chatd.service"
	exit 0
fi

build=$1
dest=$2$3
files "$build" | while read -r source folder mode; do
	install -D -m "$mode" "$source" "$dest/$folder/$(target_name "$source")"
done
sysconfdir=/etc
[ "$3" = /usr ] || sysconfdir=$3/etc
mkdir -p "$dest/lib/systemd/system"
sed -e "s|@SBINDIR@|$3/sbin|" -e "s|@SYSCONFDIR@|$sysconfdir|" packaging/chatd.service >"$dest/lib/systemd/system/chatd.service"
chmod 644 "$dest/lib/systemd/system/chatd.service"
[ -e "$2$sysconfdir/chat/chat.conf" ] || install -D -m 644 packaging/chat.conf "$2$sysconfdir/chat/chat.conf"
