#!/bin/sh
# The four calls for messages by curl alone, as a reader of the README would try them.
# shellcheck disable=SC2119,SC2317 # start_chatd takes flags, or none; functions are called by ok and wait_for
# shellcheck source=tests/e2e/lib.sh
. tests/e2e/lib.sh

member()
{
	sed -n "s/.*\"$1\":\"\([^\"]*\)\".*/\1/p"
}

start_chatd || exit 1
ada=$(new_user ada)
bob=$(new_user bob)
like "a user registers and logs in" "$ada" '^[A-Za-z0-9_-]{43,}$'

is "no messages: 204" "$(call GET /messages "$bob")" "204 "
sent=$(call POST /messages "$ada" '{"to":"bob","body":"hello \"bob\"","client_id":"c-1"}')
like "POST /messages: 200" "$sent" '^200 \{.*"client_id":"c-1"'
id=$(echo "$sent" | member id)
got=$(call GET /messages "$bob")
like "GET /messages: 200, an array" "$got" '^200 \[\{.*\}\]$'
like "with the message" "$got" "\"id\":\"$id\".*\"from\":\"ada\".*\"body\":\"hello ..bob..\""
like "GET /messages/{id}: 200" "$(call GET "/messages/$id" "$bob")" "^200 \{\"id\":\"$id\""
like "not read yet" "$(call GET "/messages/$id" "$ada")" '"read_at":null'
like "PATCH: 200" "$(call PATCH "/messages/$id" "$bob" '{"read":true}')" '^200 .*"read_at":"20'
is "then there is nothing unread" "$(call GET /messages "$bob")" "204 "
like "the sender sees it" "$(call GET "/messages/$id" "$ada")" '"read_at":"20'
like "sent again: the same" "$(call POST /messages "$ada" '{"to":"bob","body":"hello \"bob\"","client_id":"c-1"}')" "^200 .*\"id\":\"$id\""
like "to nobody: 404" "$(call POST /messages "$ada" '{"to":"nobody","body":"x"}')" '^404 .*"code":"unknown-recipient"'
like "without a token: 401" "$(call GET /messages -)" '^401 .*"code":"unauthenticated"'
like "another's message: 404" "$(call GET "/messages/$id" "$(new_user eve)")" '^404 .*"code":"not-found"'

ok "chatd ends with 0" stop_chatd
start_chatd || exit 1
like "and remembers after a restart" "$(call GET "/messages/$id" "$bob")" "^200 \{\"id\":\"$id\".*\"read_at\":\"20"
kill_chatd
start_chatd || exit 1
like "and after a kill -9" "$(call GET "/messages/$id" "$bob")" "^200 \{\"id\":\"$id\".*\"read_at\":\"20"
done_testing
