#include "cli/examples.h"
#include <stddef.h>

const struct worked_example worked_examples[] = {
	{"A nightly report that is never sent twice.",
		"./make-report > report.txt &&\n"
		"  chatctl send boss -f report.txt --id \"report-$(date +%F)\" --queue",
		"The id says which report it is: however often cron or a person runs this, it is one message. A second "
		"run "
		"with another text on the same day ends with 1 and client-id-reused; the first one stands. With "
		"--queue a "
		"server that is down is no failure: exit 9, and the next command that reaches it sends the report."},
	{"A bot that answers.",
		"chatctl watch --durable bot --exec-each ./handle.sh --mark on-success\n"
		"\n"
		"#!/bin/sh\n"
		"# handle.sh: the message's JSON comes on stdin\n"
		"case $(jq -r .body) in\n"
		"ping) chatctl send \"$CHAT_FROM\" pong --id \"answer-$CHAT_ID\" ;;\n"
		"esac",
		"Each message is handled at least once: what was interrupted comes again. The answer's id is made from "
		"the "
		"message's, so it is sent once all the same. A text is never an argument of a command: what others "
		"write "
		"reaches no shell."},
	{"A pager.",
		"tail -F app.log | grep --line-buffered FATAL | chatctl send oncall --each-line --queue\n"
		"chatctl send oncall 'web1 is down' --wait read --timeout 5m ||\n"
		"  chatctl send boss 'nobody has seen it: web1 is down'",
		"The first line loses nothing when the network is what is down. The second one goes on to somebody "
		"else when "
		"the message was not read within five minutes (exit 124)."},
	{"Exporting everything.",
		"chatctl conv ls --all-pages -o jsonl --json=with | jq -r .with |\n"
		"  while read -r who; do chatctl conv export \"$who\" -o jsonl < /dev/null | gzip > \"$who.jsonl.gz\"; "
		"done",
		"One file a conversation, the oldest message first, JSON exact."},
	{"Moving to another machine.",
		"chatctl outbox flush                                        # on the old one: nothing may wait\n"
		"chatctl -c work login alice --url https://chat.example      # on the new one\n"
		"chatctl -c work ls --all --all-pages > /dev/null            # fills the history for search\n"
		"chatctl logout                                              # on the old one",
		"Messages and what was read are on the server. The outbox, the history for search and the places of "
		"durable "
		"watches are on the machine: a watch --durable begins anew with the unread messages. A machine that is "
		"lost: "
		"chatctl device ls, then device revoke."},
	{"What to do on exit 6, 7, 9 and 124.",
		"id=order-$n\n"
		"chatctl send bob \"$text\" --id \"$id\"\n"
		"case $? in\n"
		"0) ;;                                                       # the server has it on disk\n"
		"6 | 124) chatctl send bob \"$text\" --id \"$id\" --queue ;;     # not known: again, with the same id\n"
		"9) chatctl outbox flush ;;                                  # on disk here, not sent yet\n"
		"esac",
		"6 and 124 mean that the outcome may be unclear; the same id makes a second try harmless, also days "
		"later. 7 "
		"says that some of several failed, stderr which: correct these and run the same command again, the "
		"others are "
		"not repeated. After 9 nothing is lost, but something must flush: any command that reaches the server, "
		"or "
		"cron."},
	{NULL, NULL, NULL},
};
