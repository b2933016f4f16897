# bash completion for knockd, knock and knockctl

_knockd() {
	local cur prev words cword
	_init_completion || return
	case $prev in
		-i | --interface) mapfile -t COMPREPLY < <(compgen -W "any auto $(cd /sys/class/net 2>/dev/null && echo *)" -- "$cur") ;;
		-c | --config | -p | --pidfile | -g | --logfile) _filedir ;;
		*) mapfile -t COMPREPLY < <(compgen -W '-i --interface -d --daemon -c --config -D --debug -l --lookup -p --pidfile
			-g --logfile -v --verbose -4 --only-ip-v4 -V --version -h --help --wait --check --reload --can-listen --gate' -- "$cur") ;;
	esac
} && complete -F _knockd knockd

_knock() {
	local cur prev words cword
	_init_completion -n : || return
	case $prev in
		-d | --delay | --verify | --retry | --source | --code) return ;;
		-f | --file | --secret) _filedir; return ;;
		-i | --interface) _available_interfaces -a; return ;;
	esac
	if [[ $cur == -* ]]; then
		mapfile -t COMPREPLY < <(compgen -W '-u --udp -d --delay -4 --ipv4 -6 --ipv6 -v --verbose -V --version
			-h --help -f --file --verify --retry -i --interface --source --ssh --secret --door --code --dry-run' -- "$cur")
	else
		_known_hosts_real -- "$cur"
		local file
		for file in "${XDG_CONFIG_HOME:-$HOME/.config}"/knock/*.knock; do
			file=${file##*/} file=${file%.knock}
			[[ $file != '*' && $file == "$cur"* ]] && COMPREPLY+=("$file")
		done
	fi
} && complete -F _knock knock

_knockctl_report() {
	case $prev in
		-o | --output) _filedir ;;
		--geo) _filedir mmdb ;;
		--format) mapfile -t COMPREPLY < <(compgen -W 'table markdown csv json html' -- "$cur") ;;
		--from) mapfile -t COMPREPLY < <(compgen -W 'auto journal files' -- "$cur") ;;
		--prefix | --not-prefix | --tag) return ;;
		--since | --until) mapfile -t COMPREPLY < <(compgen -W 'today yesterday now' -- "$cur") ;;
		*) if [[ $cur == -* ]]; then
			mapfile -t COMPREPLY < <(compgen -W '--all --since --until --from --prefix --not-prefix --tag
				--format --json -o --output --geo -h --help' -- "$cur")
		else
			_filedir
		fi ;;
	esac
}

_knockctl() {
	local cur prev words cword
	_init_completion || return
	if [[ $cword -gt 1 && ${words[1]} == report ]]; then _knockctl_report; return; fi
	case $prev in
		-c | --config | -o | --output) _filedir; return ;;
		-a | --address | --door | --port | --sequence | --timeout | --minutes) return ;;
		--firewall) mapfile -t COMPREPLY < <(compgen -W 'gate mark' -- "$cur"); return ;;
		--interface) mapfile -t COMPREPLY < <(compgen -W "any auto $(cd /sys/class/net 2>/dev/null && echo *)" -- "$cur"); return ;;
	esac
	if [[ $cword == 1 && $cur != -* ]]; then
		mapfile -t COMPREPLY < <(compgen -W 'init check client status doors watch explain self-test open close extend gate report replay metrics' -- "$cur")
	elif [[ $cword == 1 ]]; then
		mapfile -t COMPREPLY < <(compgen -W '-V --version -h --help' -- "$cur")
	elif [[ ${words[1]} == @(open|close|extend) && $cword == 2 && $cur != -* ]]; then
		# Not with compgen -W, which would expand the names of doors.
		local door
		while IFS= read -r door; do
			[[ $door == "$cur"* ]] && COMPREPLY+=("$(printf %q "$door")")
		done < <(knockctl doors --json 2>/dev/null | sed -n 's/.*"type":"door","door":"\([^"\\]*\)".*/\1/p')
	elif [[ ${words[1]} == gate && $cword == 2 && $cur != -* ]]; then
		mapfile -t COMPREPLY < <(compgen -W 'show open close' -- "$cur")
	elif [[ ${words[1]} == gate && ${words[2]} == show ]]; then
		mapfile -t COMPREPLY < <(compgen -W '--json -h --help' -- "$cur")
	elif [[ ${words[1]} == gate ]]; then
		mapfile -t COMPREPLY < <(compgen -W '-c --config -h --help' -- "$cur")
	elif [[ ${words[1]} == @(check|replay) && $cur != -?* ]]; then
		_filedir
	elif [[ ${words[1]} == check ]]; then
		mapfile -t COMPREPLY < <(compgen -W '--fix --yes --json -h --help' -- "$cur")
	elif [[ ${words[1]} == replay ]]; then
		mapfile -t COMPREPLY < <(compgen -W '-c --config -a --address --verdicts --json -h --help' -- "$cur")
	elif [[ ${words[1]} == client && $cword == 2 && $cur != -* ]]; then
		mapfile -t COMPREPLY < <(compgen -W 'add list show paper page try revoke reset' -- "$cur")
	elif [[ ${words[1]} == client ]]; then
		local more=
		case ${words[2]} in
			add) more='--door --host --file --key --list --digits --udp --bind --from --hours --expires' ;;
			list) more='--json' ;;
			show) more='--secrets --host' ;;
			paper) more='--host' ;;
			page) more='--host -o --output' ;;
			try) more='--source' ;;
			revoke) more='--close' ;;
		esac
		mapfile -t COMPREPLY < <(compgen -W "-c --config -h --help $more" -- "$cur")
	elif [[ ${words[1]} == init ]]; then
		mapfile -t COMPREPLY < <(compgen -W '-c --config --door --port --interface --firewall --codes --no-codes --sequence --mixed
			--timeout --minutes --replace --replace-door --lan --no-lan --persist -y --yes --dry-run --confirm --rollback -h --help' -- "$cur")
	else
		local more=
		[[ ${words[1]} == explain ]] && more='--last --follow --secrets'
		[[ ${words[1]} == @(status|doors) ]] && more=--secrets
		[[ ${words[1]} == metrics ]] && more='-o --output'
		mapfile -t COMPREPLY < <(compgen -W "-c --config --json -h --help $more" -- "$cur")
	fi
} && complete -F _knockctl knockctl
