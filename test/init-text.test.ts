// Tests what knockctl init says of the port in the end: only what is true of it now, and how to open it.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { countdown, moreClients, portText } from "../src/knockctl/commands/init-text.ts";

const gate = { port: 22, kind: "gate", wasClosed: false } as const;
const mark = { port: 22, kind: "mark", wasClosed: true } as const;
const now = (isClosed: boolean | undefined, isPersistent = false) => ({ isClosed, isPersistent });

describe("the state of the port at the end", () => {
  for (const [what, text, said] of [
    [
      "confirmed until a reboot",
      portText(gate, now(true), true),
      "TCP port 22 is closed to clients that have not knocked, until the next reboot.\n" +
        "To open it: knockctl gate open",
    ],
    [
      "confirmed for good",
      portText(gate, now(true, true), true),
      "TCP port 22 is closed to clients that have not knocked, also after a reboot.\n" +
        "To open it: systemctl disable knockd-gate.service && knockctl gate open",
    ],
    [
      "confirmed, with a mark",
      portText(mark, now(true), true),
      "TCP port 22 is closed to clients that have not knocked, also after a reboot.\n" +
        "Your own firewall closes it: open it there.",
    ],
    [
      "confirmed, and flushed",
      portText(gate, now(false), true),
      "But TCP port 22 is open: the firewall no longer closes it.",
    ],
    ["rolled back", portText(gate, now(false), false), "TCP port 22 is open, as it was before."],
    ["rolled back, and closed before", portText(mark, now(true), false), "TCP port 22 is closed, as it was before."],
    [
      "rolled back in vain",
      portText(gate, now(true), false),
      "But TCP port 22 is still closed. To open it: knockctl gate open",
    ],
    ["rolled back, and opened", portText(mark, now(false), false), "But TCP port 22 is open. It was closed before."],
    [
      "no answer of the firewall",
      portText(mark, now(undefined), true),
      "Could not find out whether TCP port 22 is closed. See iptables -S, ip6tables -S and nft list ruleset.",
    ],
  ] as const) {
    it(what, () => assert.equal(text, said));
  }
});

describe("the next steps at a door for codes", () => {
  it("are another client, and codes on paper for a machine without a clock", () => {
    const trial = { door: "openSSH", config: "/etc/knockd.conf" };
    const add = "To add another client:\n  sudo knockctl client add NAME --door openSSH";
    assert.equal(moreClients(trial, true), `\n${add}`);
    assert.match(moreClients(trial, false), /\n {2}sudo knockctl client add spare --door openSSH --list$/);
    assert.equal(moreClients({ ...trial, config: "/etc/other.conf" }, true), `\n${add} -c /etc/other.conf`);
  });
});

describe("the countdown", () => {
  it("ends at zero", () => {
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
