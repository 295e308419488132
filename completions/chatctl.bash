# bash completion for chatctl. Made by: chatctl completion bash
_chatctl() {
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
}
complete -F _chatctl chatctl
