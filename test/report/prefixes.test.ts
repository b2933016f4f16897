import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Prefixes, type Said, saidBy } from "../../src/report/read/prefixes.ts";

/** Prefixes that firewalls write, and some that people chose. */
const PREFIXES: Readonly<Record<Said, readonly string[]>> = {
  rejected: [
    "[UFW BLOCK]",
    "[UFW LIMIT BLOCK]",
    "filter_IN_public_REJECT:",
    "FINAL_REJECT:",
    "STATE_INVALID_DROP:",
    "Shorewall:net-fw:DROP:",
    "REJECT wan in:",
    "drop wan invalid ct state:",
    "[WAN_LOCAL-default-D]",
    "[ipv4-INP-filter-10-R]",
    "[WAN_LOCAL-D-2147483647]",
    '[WAN_IN-D-4] DESCR="Allow all but this"',
    "SFW2-INext-DROP-DEFLT",
    "RULE 3 -- DENY",
    "Firewall: *TCP_IN Blocked*",
    "DROP_CTINVALID",
    "IPTables-Dropped:",
    "iptables denied:",
    "rejected:",
    "logdrop",
    "not accepted:",
    "Unauthorized:",
    "ACCEPT_LIMIT DROP",
  ],
  "let in": [
    "[UFW ALLOW]",
    "ACCEPT",
    "ACCEPT wan in:",
    "Shorewall:drop2fw:ACCEPT:",
    "filter_IN_block_ACCEPT:",
    "[WAN_IN-3001-A]",
    "[WAN_IN-A-2147483647]",
    '[LAN_LOCAL-RET-2147483647] DESCR="no drop rule"',
    "SFW2-INext-ACC-TCP",
    "RULE 0 -- ACCEPT",
    "dropbear accepted:",
    "INPUT pass:",
    "ssh-allowed",
    "Permitted",
  ],
  audited: ["[UFW AUDIT]", "[UFW AUDIT INVALID]", "[UFW LIMIT]", "TRACE: filter:INPUT:rule:3"],
  unsaid: ["", "ssh:", "IN-world", "dropbear:", "passwd", "accident", "not in allowlist:", "SYN", "traced"],
};

describe("a prefix", () => {
  for (const [said, texts] of Object.entries(PREFIXES))
    it(`that means: ${said}`, () => {
      for (const text of texts) assert.equal(saidBy(text), said, text);
    });

  it("is the text between the clock and the packet", () => {
    const prefixes = new Prefixes({ prefixes: [], notPrefixes: [] });
    const of = (before: string) => prefixes.of(`${before}IN=eth0`, before.length);
    const one = of("[   12.345678] ssh: ");
    assert.equal(one.text, "ssh:");
    for (const before of [
      "ssh: ",
      " [ 9.000000] ssh: ",
      "<4>ssh: ",
      "<4>[ 9.000000] ssh:",
      "[ 9.000000][    C1] ssh:",
      "[  T12] ssh:",
    ])
      assert.equal(of(before), one);
    assert.equal(of("[UFW BLOCK] ").text, "[UFW BLOCK]");
  });
});
