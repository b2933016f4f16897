#!/bin/sh
# Adds or removes a rule for a client, for Start_Command and Stop_Command. Repeating it changes nothing.
# The options are those of the helper in Debian's knockd. For an IPv6 address it uses ip6tables.
name=${0##*/}

usage() {
	cat <<-END
	Usage: $name -a|-i|-x -f SRC_IP_ADDR -d DST_PORT [-p|-c|-m|-t|-h|-v]
	Options:
	-a|--append      Action: append a rule to netfilter
	-i|--insert      Action: insert a rule into netfilter
	-x|--delete      Action: delete a rule from netfilter
	-f|--srcaddr     The source IP address to be used
	-d|--dstport     The destination port to be used in the rule
	-p|--proto       The protocol that the rule applies to; default: tcp
	-c|--chain       The netfilter chain to apply the change to; default: INPUT
	-m|--comment     The comment of the rule; default: 'by knockd'
	-t|--test        Test run: print the command, change nothing
	-h|--help        Print this and exit
	-v|--verbose     Print the command
	END
}

refuse() {
	echo "$name - Error! $1" >&2
	usage >&2
	exit 1
}

say() { [ -z "$verbose" ] || echo "$name - $*"; }

action='' from='' port='' proto=tcp chain=INPUT comment='by knockd' test='' verbose=''
while [ $# -gt 0 ]; do
	case $1 in
		-a | --append) action=-A ;;
		-i | --insert) action=-I ;;
		-x | --delete) action=-D ;;
		-t | --test) test=1 verbose=1 ;;
		-v | --verbose) verbose=1 ;;
		-h | --help) usage; exit 0 ;;
		# In 0.8, -m may stand without a value.
		-m | --comment) case ${2-} in '' | -*) ;; *) comment=$2; shift ;; esac ;;
		-f | --srcaddr | -d | --dstport | -p | --proto | -c | --chain)
			[ $# -gt 1 ] || refuse "$1 needs a value"
			case $1 in
				-f | --srcaddr) from=$2 ;;
				-d | --dstport) port=$2 ;;
				-p | --proto) proto=$2 ;;
				-c | --chain) chain=$2 ;;
			esac
			shift ;;
		--*=*) option=${1%%=*} value=${1#*=}; shift; set -- '' "$option" "$value" "$@" ;;
		*) refuse "Invalid argument: $1" ;;
	esac
	shift
done
[ -n "$from" ] || refuse 'Source IP address required'
[ -n "$port" ] || refuse 'Destination port required'
[ -n "$action" ] || refuse 'Action required: -a, -i or -x'

# The usual directories, in case PATH is short.
PATH=$PATH:/usr/sbin:/sbin
case $from in *:*) tables=ip6tables ;; *) tables=iptables ;; esac
# -w: wait while another command holds the lock.
set -- -s "$from" -p "$proto" --dport "$port" -m comment --comment "$comment" -j ACCEPT

is_there() { "$tables" -w -C "$chain" "$@" 2>/dev/null; }

change() {
	say "$tables -w $*"
	[ -n "$test" ] || "$tables" -w "$@"
}

"$tables" -w -n -L "$chain" >/dev/null || exit
if [ "$action" != -D ]; then
	if is_there "$@"; then say 'the rule exists already'; exit 0; fi
	change "$action" "$chain" "$@"
elif is_there "$@"; then
	change -D "$chain" "$@"
else
	say 'there is no such rule'
fi
