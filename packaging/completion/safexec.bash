# SPDX-License-Identifier: Apache-2.0
# Completion for bash: commands and options as `safexec --help` lists them, so that it never lags behind.
_safexec() {
	local word=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]} command=${COMP_WORDS[1]-} help
	COMPREPLY=()
	if [[ $COMP_CWORD -eq 1 ]]; then
		help=$("${COMP_WORDS[0]}" --help 2>/dev/null | sed -n 's/^  \([a-z]\{2,\}\) .*/\1/p')
	elif [[ $word == -* ]]; then
		help=$("${COMP_WORDS[0]}" "$command" --help 2>/dev/null | sed -n 's/^  \(--[a-z-]*\).*/\1/p')
	elif [[ $previous == --provider ]]; then
		help='native docker'
	elif [[ $previous == --profile ]]; then
		help='hardened original'
	else
		mapfile -t COMPREPLY < <(compgen -f -- "$word")
		return
	fi
	mapfile -t COMPREPLY < <(compgen -W "$help" -- "$word")
}
complete -o filenames -F _safexec safexec
