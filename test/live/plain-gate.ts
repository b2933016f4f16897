// A gate that any process may remove, as on kernels before 6.9, with its doors open for these clients. A process of its own,
// so that it can run in a namespace. Opens or closes the gate at each line "open" or "close" of its input.
// usage: node plain-gate.js CLIENT ...
import { createInterface } from "node:readline";
import { parseConfig } from "../../src/config/parse.ts";
import { Firewall } from "../../src/firewall/firewall.ts";
import type { BuiltInDoor } from "../../src/firewall/layout.ts";
import { parseAddress } from "../../src/net/address.ts";
import { native } from "../../src/platform/native.ts";

const CONFIG = "[ssh]\nsequence = 1,2,3\nopen = tcp/22,udp/53,tcp/6000-6010\nfor = 10m\n";
const { doors, options } = parseConfig(CONFIG, "", () => undefined);
const firewall = new Firewall({
  openSocket: () => new native.NftSocket(),
  watch: (onChange) => new native.NftWatch(onChange),
  now: () => performance.now() / 1000,
  onRestored: (open, reason) => console.log(`restored ${open}${reason === undefined ? "" : `: ${reason}`}`),
  mayOwn: false,
  record: { isThere: false, save() {}, clear() {} },
  onTrouble: (what, reason) => console.log(what, reason),
  config: "/etc/knockd.conf",
});
firewall.apply(doors, options.firewall);
const opened = process.argv.slice(2).map((client) => firewall.open(doors[0] as BuiltInDoor, parseAddress(client)!));
console.log(`ready, ${JSON.stringify(opened)}`);
createInterface({ input: process.stdin }).on("line", (line) => {
  console.log(`${line}: ${firewall.guard(line === "close")}`);
});
