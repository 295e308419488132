# fish completion for chatctl. Made by: chatctl completion fish
function __chatctl_words
	set -l before (commandline -opc)
	set -l current (commandline -ct)
	for line in (chatctl completion words -- $before[2..-1] "$current" 2>/dev/null)
		if test "$line" = :files
			__fish_complete_path "$current"
		else
			printf '%s\n' $line
		end
	end
end
complete -c chatctl -f -a '(__chatctl_words)'
