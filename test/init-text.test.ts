// What knockctl init says of the port in the end: only what is true of it now, and how to open it.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { countdown, portText } from "../src/knockctl/commands/init-text.ts";

const iptables = { port: 22, firewall: { kind: "iptables", ipv6: false }, wasClosed: false } as const;
const nft = { ...iptables, firewall: { kind: "nft", ipv6: true } } as const;
const now = (isClosed: boolean | undefined, isPersistent = false) => ({ isClosed, isPersistent });

describe("the port in the end", () => {
  for (const [what, text, said] of [
    [
      "confirmed until a reboot",
      portText(iptables, now(true), true),
      "TCP port 22 is closed to clients that have not knocked, until the next reboot.\n" +
        "To open it: iptables -D INPUT -p tcp --dport 22 --syn -j KNOCKD_GUARD",
    ],
    [
      "confirmed for good",
      portText(nft, now(true, true), true),
      "TCP port 22 is closed to clients that have not knocked, also after a reboot.\n" +
        "To open it: systemctl disable --now knockd-nft@22.service",
    ],
    [
      "confirmed, and flushed",
      portText(nft, now(false), true),
      "But TCP port 22 is open: the firewall no longer has its rule.",
    ],
    ["rolled back", portText(iptables, now(false), false), "TCP port 22 is open, as it was before."],
    [
      "rolled back, and closed before",
      portText({ ...iptables, wasClosed: true }, now(true), false),
      "TCP port 22 is closed, as it was before.",
    ],
    [
      "rolled back in vain",
      portText(nft, now(true), false),
      "But TCP port 22 is still closed. To open it: nft delete element inet knockd guarded '{ 22 }'",
    ],
    [
      "rolled back, and opened",
      portText({ ...iptables, wasClosed: true }, now(false), false),
      "But TCP port 22 is open. It was closed before.",
    ],
    [
      "no answer of the firewall",
      portText(iptables, now(undefined), true),
      "Could not find out whether TCP port 22 is closed. See iptables -S, ip6tables -S and nft list ruleset.",
    ],
  ] as const) {
    it(what, () => assert.equal(text, said));
  }
});

describe("the countdown", () => {
  it("ends at nothing", () => {
    assert.deepEqual([300_000, 61_000, 8_999, 1, 0, -5].map(countdown), [
      "5:00",
      "1:01",
      "0:09",
      "0:01",
      "0:00",
      "0:00",
    ]);
  });
});
