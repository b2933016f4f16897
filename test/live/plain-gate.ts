// A gate that any process may remove, as on kernels before 6.9, with one open door. A process of its own, so that it
// can run in a namespace.   usage: node plain-gate.js CLIENT
import { parseConfig } from "../../src/config/parse.ts";
import { Firewall } from "../../src/firewall/firewall.ts";
import type { BuiltInDoor } from "../../src/firewall/layout.ts";
import { parseAddress } from "../../src/net/address.ts";
import { native } from "../../src/platform/native.ts";

const { doors, options } = parseConfig("[ssh]\nsequence = 1,2,3\nopen = tcp/22\nfor = 10m\n", "", () => undefined);
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
const opened = firewall.open(doors[0] as BuiltInDoor, parseAddress(process.argv[2]!)!);
console.log(`ready, ${JSON.stringify(opened)}`);
