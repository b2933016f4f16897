// Tests which programs a command line runs, including those started by sudo, env and the like.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { programsOf } from "../src/runner/programs.ts";

const names = (line: string) => programsOf(line)?.flatMap(({ name, given }) => [name, ...given]);

describe("programsOf", () => {
  const ufw = [
    "ufw allow from %IP%",
    "/usr/sbin/ufw allow",
    "../sbin/ufw allow",
    "A=b ufw allow",
    "sudo ufw allow",
    "sudo -n -u root /usr/sbin/ufw allow",
    "sudo -uroot --user root --preserve-env A=b -- ufw allow",
    "doas -n -u root ufw allow",
    "env ufw allow",
    "env - ufw allow",
    "env -i -u HOME A=b PATH=/sbin ufw allow",
    "/usr/bin/env -C / ufw allow",
    "nice ufw allow",
    "nice -n 10 ufw allow",
    "nice -n10 ufw allow",
    "nice -10 ufw allow",
    "nice --adjustment=10 ionice -c 3 -n0 chrt -b 0 ufw allow",
    "taskset -c 0 ufw allow",
    "timeout 5 ufw allow",
    "timeout -k 5 --signal=KILL 10s ufw allow",
    "time -p ufw allow",
    "nohup setsid -w stdbuf -oL ufw allow",
    "exec ufw allow",
    "exec -a name ufw allow",
    "command ufw allow",
    "flock -w 5 /run/lock/ufw ufw allow",
    "flock /run/lock/ufw -c 'ufw allow'",
    "chroot --userspec=root / ufw allow",
    "nsenter -t 1 -m -n ufw allow",
    "unshare -m ufw allow",
    "setpriv --reuid 0 --clear-groups ufw allow",
    "runuser -u root -- ufw allow",
    "runuser root -c 'ufw allow'",
    "su -c 'ufw allow'",
    "su - root -c 'ufw allow'",
    "su --command 'ufw allow'",
    "ip netns exec blue ufw allow",
    "busybox sh -c 'ufw allow'",
    "sh -c 'ufw allow'",
    "sh -ec 'ufw allow'",
    "sh +e -c 'ufw allow'",
    "bash -o pipefail -c 'ufw allow'",
    'bash --norc -lc "sudo ufw allow from $IP"',
    `sh -c "sh -c 'ufw allow'"`,
    "eval ufw allow",
    "eval 'ufw' \"allow $x\"",
    "xargs -n 1 ufw allow",
  ];
  for (const line of ufw) it(`finds ufw in: ${line}`, () => assert.deepEqual(names(line), ["ufw"]));

  const others: [line: string, programs: string[] | undefined][] = [
    ["iptables -A INPUT; sleep 75; iptables -D INPUT", ["iptables", "sleep", "iptables"]],
    ["trap 'ufw delete allow' EXIT; sleep 5", ["ufw", "sleep"]],
    ["trap - EXIT", []],
    ["/root/open.sh %IP%", ["open.sh"]],
    ["sh /root/open.sh %IP% -c x", ["open.sh"]],
    ["bash -x ./open.sh", ["open.sh"]],
    ["bash +x ./open.sh", ["open.sh"]],
    [". /root/open.sh", ["open.sh"]],
    ["source /root/open.sh", ["open.sh"]],
    ["~/open.sh", ["open.sh"]],
    ["$HOME/open.sh", ["open.sh"]],
    ["python3 /root/open.py", ["python3", "open.py"]],
    ["strace -f ufw allow", ["strace", "ufw"]],
    ["echo $(cat /etc/name)", ["cat", "name", "echo"]],
    ["constructor ufw", ["constructor", "ufw"]],
    ["sudo -l", ["sudo"]],
    ["", []],
    ["$COMMAND allow", undefined],
    ["/root/$NAME allow", undefined],
    ["sudo $COMMAND", undefined],
    ["sh", undefined],
    ["echo ufw allow | sh", undefined],
    ["sh -c", undefined],
    ['sh -c "$COMMAND"', undefined],
    ["eval $COMMAND", undefined],
    ["su root", undefined],
    ["case $1 in a) ufw;; esac", undefined],
    ["sudo ".repeat(100), undefined],
  ];
  for (const [line, programs] of others) {
    it(`of ${JSON.stringify(line).slice(0, 60)}`, () => assert.deepEqual(names(line), programs));
  }
});
