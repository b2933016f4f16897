// Tests the questions of knockctl init on a machine that already has the config and the firewall of some how-to.
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { afterEach, beforeEach, describe, it } from "node:test";
import { CONFIG } from "../howto/lines.ts";
import { Host } from "./host.ts";
import { Terminal } from "./terminal.ts";
import { needsRoot } from "./wire.ts";

const LAN = "10.77.0.0/24";
/** What a how-to tells the user to type, and the rule that admits the LAN. */
const TABLES = [
  "-N KNOCKD",
  "-A INPUT -i lo -j ACCEPT",
  "-A INPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT",
  `-A INPUT -s ${LAN} -j ACCEPT`,
  "-A INPUT -j KNOCKD",
  "-A INPUT -j REJECT",
];
const NFT = `table inet filter {
	chain input {
		type filter hook input priority 0; policy accept;
		ip saddr ${LAN} tcp dport { 22, 80 } accept
		tcp dport 22 reject
	}
}`;

describe("knockctl init on a how-to's machine", { skip: needsRoot }, () => {
  let host: Host;
  beforeEach(async () => {
    host = await Host.open();
    writeFileSync(host.config, CONFIG);
  });
  afterEach(() => host?.close());

  /** The LAN's rules are for IPv4, and so is the client. */
  async function firewall(kind: string): Promise<void> {
    if (kind === "nft") await host.ok(`nft -f - <<'END'\n${NFT}\nEND`);
    else for (const rule of TABLES) await host.ok(`iptables ${rule}`);
    assert.equal(await host.isOpen(), true);
  }

  it("first offers to replace the door with that name, or to call the new one openSSH2", async () => {
    for (const [answer, doors] of [
      ["", ["openSSH", "openSSH2"]],
      ["replace", ["openSSH"]],
      ["mine", ["openSSH", "mine"]],
    ] as const) {
      const terminal = new Terminal(host, "--no-codes");
      await terminal.says('already has a door "openSSH".');
      await terminal.says("a name for the new door:");
      await terminal.says("[openSSH2]");
      if (answer === "mine") {
        terminal.types("openSSH");
        await terminal.says('There already is a door "openSSH".');
      }
      terminal.types(answer);
      await terminal.says("Which TCP port do you want to close?");
      terminal.types("");
      await terminal.says("without a knock?");
      terminal.types("");
      await terminal.says("Do this now? [Y/n]");
      terminal.types("perhaps");
      await terminal.says("Please answer yes or no.");
      terminal.types("y");
      await terminal.says("Waiting for the knock");
      const config = await host.ok("cat /run/knockd-init/confirmed.conf");
      assert.deepEqual(
        [...config.matchAll(/^\[(?!options)(.+)\]$/gm)].map(([, name]) => name),
        doors,
      );
      assert.equal(config.includes("4438,1813,8235"), answer !== "replace");
      assert.match(config, /^\tUseSyslog$/m);
      terminal.presses("\x03");
      await terminal.says("Rolled back: everything is as before.");
      await terminal.ended;
    }
  });

  it("admits the LAN without a knock if a rule does so today, unless told not to", async () => {
    await host.ok(`iptables -A INPUT -s ${LAN} -j ACCEPT`);
    const before = await host.rules();
    const { stdout } = await host.begun("--door", "mine");
    assert.match(stdout, new RegExp(`^LAN {8}${LAN} needs no knock`, "m"));
    assert.equal(await host.isOpen(), true);
    assert.equal(await host.isOpen(host.wire.server6), false);
    await host.knockctl("init", "--rollback");
    assert.equal(await host.rules(), before);

    for (const [option, isOpen] of [
      ["--no-lan", false],
      ["--lan=10.99.0.0/16", false],
      [`--lan=10.99.0.0/16,${LAN}`, true],
      ["--lan", true],
    ] as const) {
      await host.begun("--door", "mine", option);
      assert.equal(await host.isOpen(), isOpen, option);
      if (option === "--lan") assert.equal(await host.isOpen(host.wire.server6), true);
      await host.knockctl("init", "--rollback");
    }
  });

  for (const kind of ["iptables", "nft"] as const) {
    it(`${kind}: leaves it to the user's own rules which networks need no knock, if those close the port`, async () => {
      await firewall(kind);
      await host.ok("ip6tables -P INPUT ACCEPT"); // creates the table that adding a rule would create
      const before = await host.rules();
      const { stdout } = await host.begun("--door", "mine");
      assert.match(stdout, new RegExp(`^firewall {3}mark: your ${kind} rules close port 22 already`, "m"));
      assert.doesNotMatch(stdout, /^LAN/m);
      const isOpen6 = /^ {11}YOUR STEP.*: close TCP port 22 for IPv6 too/m.test(stdout);
      assert.equal(isOpen6, kind === "iptables", "the how-to forgets IPv6");
      assert.equal(await host.isOpen(), true, "the LAN");
      assert.equal(await host.isOpen(host.wire.server6), isOpen6);
      await host.knockctl("init", "--rollback");
      assert.equal(await host.rules(), before);
      const { status, stderr } = await host.init("--yes", "--door", "mine", "--no-lan");
      assert.equal(status, 1);
      assert.match(stderr, /^knockctl: with a mark, your own firewall decides who needs no knock/);
    });
  }

  it("asks whether the LAN may come in: the default is yes if it may today, otherwise no", async () => {
    for (const kind of ["", "iptables"]) {
      if (kind !== "") await host.ok(`iptables -A INPUT -s ${LAN} -j ACCEPT`);
      const terminal = new Terminal(host, "--no-codes", "--door", "mine");
      await terminal.says("Which TCP port");
      terminal.types("");
      await terminal.says(`${kind === "" ? "Let the LAN (" : "Today the firewall lets in "}${LAN}`);
      await terminal.says(kind === "" ? "in without a knock? [y/N]" : "Keep it so, without a knock? [Y/n]");
      terminal.types("");
      await terminal.says("Do this now?");
      terminal.types("");
      await terminal.says("Waiting for the knock");
      assert.equal(await host.isOpen(), kind !== "");
      terminal.presses("\x03");
      await terminal.says("Rolled back: everything is as before.");
      await terminal.ended;
    }
  });

  it("refuses what is impossible before it asks anything", async () => {
    for (const [because, spoil] of [
      ["another setup is waiting", () => host.begun("--door", "mine")],
      ["config: line 1", async () => writeFileSync(host.config, "[nonsense\n")],
    ] as const) {
      await spoil();
      const terminal = new Terminal(host, "--no-codes");
      await terminal.says(because);
      await terminal.ended;
      assert.doesNotMatch(terminal.said, /\?/);
      await host.knockctl("init", "--rollback");
    }
  });

  it("asks for the interface's name if no default route shows which one to take", async () => {
    const dryRun = () => host.knockctl("init", "-c", host.config, "--dry-run", "--replace");
    const { status, stderr } = await dryRun();
    assert.equal(status, 1);
    assert.match(stderr, /^knockctl: this host has no default route.* Name it: --interface eth0$/m);
    await host.ok(`ip route add default via ${host.wire.client}`);
    assert.equal((await dryRun()).status, 0);
  });

  it("counts down to the rollback while it waits", async () => {
    const terminal = new Terminal(host, "--no-codes", "--door", "mine", "--no-lan");
    await terminal.says("Which TCP port");
    terminal.types("");
    await terminal.says("Do this now?");
    terminal.types("");
    await terminal.says("rollback in 4:5");
    terminal.presses("\x03");
    await terminal.ended;
  });
});
