// Captures on eth0 as a daemon with one built-in door does, but decides nothing: it only obeys. A process of its own, so that
// it can run in a namespace. For each packet it prints the port, and whether the client is in before anything was decided.
//   usage: node expected-gate.js CLIENT SERVER, with JSON on standard input, a line each:
//   {"expect": …}   an ExpectedKnock       {"open": true}   as at a last knock       {"end": true}   as after a batch
//   {"close": true}   closes the socket
import { execFileSync } from "node:child_process";
import { createInterface } from "node:readline";
import { buildFilter } from "../../src/capture/bpf/filter.ts";
import { PacketReader } from "../../src/capture/packet-reader.ts";
import { parseConfig } from "../../src/config/parse.ts";
import { Firewall } from "../../src/firewall/firewall.ts";
import type { BuiltInDoor } from "../../src/firewall/layout.ts";
import { type Address, parseAddress } from "../../src/net/address.ts";
import { native } from "../../src/platform/native.ts";

const [client, server] = process.argv.slice(2).map((text) => parseAddress(text)!) as [Address, Address];
const config = "[ssh]\nsequence = 7000,8000,9000\nopen = tcp/22\nfor = 10m\n";
const { doors, options } = parseConfig(config, "", () => undefined);
const firewall = new Firewall({
  openSocket: () => new native.NftSocket(),
  watch: (onChange) => new native.NftWatch(onChange),
  now: () => performance.now() / 1000,
  onRestored() {},
  mayOwn: false,
  record: { isThere: false, save() {}, clear() {} },
  onTrouble: (what, reason) => console.log(what, reason),
  config: "/etc/knockd.conf",
});
firewall.apply(doors, options.firewall);
const door = doors[0] as BuiltInDoor;

const isIn = () =>
  execFileSync("nft", ["list", "set", "inet", "knockd", "open4"], { encoding: "utf8" }).includes("ssh");
const capture = new native.Capture({ device: "eth0", snapLength: 160, bufferSize: 1 << 20 });
capture.setFilter(
  buildFilter({
    linkType: capture.linkType,
    own: [server],
    resolvedDoors: doors.map((one) => ({ door: one, targets: undefined })),
    strays: [],
    followed: undefined,
  }),
);
const reader = new PacketReader(capture, {
  now: () => performance.now(),
  onBatch: (records, count) => {
    for (let i = 0; i < count; i++) console.log(`${records.at(i).port} ${isIn() ? "in" : "out"}`);
  },
  onError: (error) => console.log(error.message),
});
reader.start();
createInterface(process.stdin)
  .on("line", (line) => {
    const { expect, open, end, close } = JSON.parse(line);
    if (expect !== undefined) firewall.expect(door, expect);
    if (open) console.log(firewall.open(door, client));
    if (end) firewall.endExpectation();
    if (close) firewall.end();
    console.log(`done, ${close || !isIn() ? "out" : "in"}`);
  })
  .on("close", () => {
    reader.close();
    firewall.closeAll();
    firewall.end();
  });
console.log("ready");
