// Tests which commands must not run at the same time.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type Exclusion, exclude, exclusionOf } from "../src/runner/exclusion.ts";

const of = (command: string, parallel?: boolean) => exclusionOf(command, "door", parallel);

describe("exclusionOf", () => {
  for (const command of [
    "/sbin/iptables -A KNOCKD -s 10.77.0.2 -p tcp --dport 22 -j ACCEPT",
    "ip6tables -A KNOCKD; iptables-legacy -A KNOCKD || ip6tables-nft -A KNOCKD",
    "/usr/sbin/nft add element inet knockd open { 10.77.0.2 }",
    "ipset add knockd 10.77.0.2 && logger -t knockd open",
    "sudo -n iptables -A KNOCKD -s 10.77.0.2 -j ACCEPT",
    "sh -c 'iptables -A KNOCKD; sleep 75; iptables -D KNOCKD'",
    "iptables -C KNOCKD 2>/dev/null || iptables -A KNOCKD",
    "if ! iptables -C KNOCKD; then iptables -A KNOCKD; fi",
    "[ -e /run/open ] && nice iptables -A KNOCKD",
    "(sleep 75; iptables -D KNOCKD) >/dev/null 2>&1 &",
    "exec iptables -A KNOCKD",
    "",
  ]) {
    it(`excludes nothing: ${command}`, () => assert.deepEqual(of(command), []));
  }

  const others: [command: string, exclusion: Exclusion][] = [
    ["ufw insert 1 allow from 10.77.0.2", ["ufw", "/door"]],
    ["sudo firewall-cmd --add-rich-rule=x; iptables -A KNOCKD", ["firewall-cmd", "/door"]],
    ["/root/open.sh 10.77.0.2", ["open.sh", "/door"]],
    ["iptables-save >/etc/iptables/rules.v4", ["iptables-save", "rules.v4", "/door"]],
    ["iptables-restore </etc/iptables/rules.v4", ["iptables-restore", "/door"]],
    ["nft list ruleset >/etc/nftables.conf", ["nft", "nftables.conf", "/door"]],
    ["echo 10.77.0.2 >/etc/allowed", ["echo", "allowed", "/door"]],
    ["{ echo a; echo b; } >/etc/allowed", ["", "allowed", "/door"]],
    ["echo open 10.77.0.2 >>/var/log/doors; exit 3", [">>doors"]],
    ["iptables -A KNOCKD >>/var/log/doors 2>&1", [">>doors"]],
    ["sed -i /10.77.0.2/d /etc/hosts.allow 2>>/var/log/doors", ["sed", "d", "hosts.allow", "/door", ">>doors"]],
    ["$COMMAND 10.77.0.2", "all"],
    ["ufw allow 22; ufw allow 80", ["ufw", "/door"]],
  ];
  for (const [command, exclusion] of others) {
    it(`of ${command}`, () => assert.deepEqual(of(command), exclusion));
  }

  it("follows the door's Parallel, if it is set", () => {
    assert.deepEqual(of("ufw allow", true), []);
    assert.deepEqual(of("iptables -A KNOCKD", false), "all");
  });
});

it("a line that appends to a file does not run beside one that rewrites it, and does beside another that appends", () => {
  const [add, remove] = [of("echo 'sshd: 10.77.0.2' >>/etc/hosts.allow"), of("sed -i '/10.77.0.3/d' /etc/hosts.allow")];
  assert.deepEqual([exclude(add, remove), exclude(remove, add), exclude(add, add)], [true, true, false]);
});

it("two commands exclude each other if they share a program; a command that must run alone excludes all others", () => {
  const cases: [Exclusion, Exclusion, boolean][] = [
    [[], [], false],
    [[], "all", false],
    [["a"], [], false],
    [["a"], ["b"], false],
    [["a", "b"], ["b", "c"], true],
    [["a"], "all", true],
    ["all", "all", true],
    [[">>a"], [">>a"], false],
    [[">>a"], ["a"], true],
    [[">>a", "b"], [">>b"], true],
    [[">>a"], "all", false],
    [[">>a", "b"], "all", true],
  ];
  for (const [a, b, excludes] of cases) assert.deepEqual([exclude(a, b), exclude(b, a)], [excludes, excludes]);
});
