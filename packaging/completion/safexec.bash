# SPDX-License-Identifier: Apache-2.0
# Completion for bash: commands, their own commands and options as `--help` tells them, so that it never lags behind.
_safexec() {
	local word=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]} command=${COMP_WORDS[1]-} help words=''
	COMPREPLY=()
	if [[ $COMP_CWORD -eq 1 || ($COMP_CWORD -eq 2 && $command == help) ]]; then
		words=$("${COMP_WORDS[0]}" --help 2>/dev/null | sed -n 's/^  \([a-z]\{2,\}\) .*/\1/p')
	elif [[ $word == -* ]]; then
		words=$("${COMP_WORDS[0]}" "$command" --help 2>/dev/null | grep -oE -- '--[a-z][a-z-]+' | sort -u)
	else
		case $previous in
		--provider) words='native docker' ;;
		--profile) words='hardened original' ;;
		--format) words='table md json html' ;;
		--log-format) words='text json' ;;
		--require-key) words='yes no' ;;
		"$command") # "Usage: safexec jobs list|show|cancel|submit"
			help=$("${COMP_WORDS[0]}" "$command" --help 2>/dev/null | sed -n '1s/.* //p')
			[[ $help =~ ^[a-z|-]+$ && $help != "$command" ]] && words=${help//|/ }
			;;
		esac
	fi
	if [[ -n $words ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
	else
		mapfile -t COMPREPLY < <(compgen -f -- "$word")
	fi
}
complete -o filenames -F _safexec safexec
