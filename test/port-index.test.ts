import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { AttemptPool } from "../src/attempts/attempt-pool.ts";
import { DoorIndex } from "../src/attempts/door-index.ts";
import { Expiry } from "../src/attempts/expiry.ts";
import { parseClients } from "../src/codes/clients-file.ts";
import { parseConfig } from "../src/config/parse.ts";
import { knockKey } from "../src/net/knock-key.ts";
import { TCP, UDP } from "../src/net/packet.ts";

const SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP";
const client = (name: string, door: string, ports: string) =>
  `[${name}]\ndoor = ${door}\nsecret = ${SECRET}\nports = ${ports}\n`;

/** What the doors say about a TCP port: whose first knock it is, whose codes it belongs to, and how many rules it has. */
function entries(config: string, clients: string) {
  const { doors } = parseConfig(
    config,
    "",
    () => undefined,
    () => parseClients(clients, "clients"),
  );
  const index = new DoorIndex(new Expiry(new AttemptPool(4)));
  index.set(doors.map((door) => ({ door, targets: undefined })));
  return (port: number, protocol = TCP) => {
    const entry = index.entry(knockKey(protocol, port));
    if (entry === undefined) return undefined;
    const { isKnock, isFirst, isCode, firsts, codes, rules } = entry;
    assert.deepEqual([isFirst, isCode], [firsts.length > 0, codes.length > 0]);
    const names = (states: typeof firsts) => states.map(({ door, order }) => `${door.name} ${order}`);
    return { isKnock, firsts: names(firsts), codes: names(codes), rules: rules.length };
  };
}

describe("the port index", () => {
  const [none, code] = [undefined, { isKnock: false, firsts: [], codes: ["ssh 0"], rules: 1 }] as const;

  it("has every port of a client's blocks, and no other", () => {
    const at = entries("[ssh]\nclients = x\n", client("phone", "ssh", "73,71,75"));
    for (const first of [7100, 7300, 7500]) {
      assert.deepEqual([at(first - 1), at(first), at(first + 99), at(first + 100)], [none, code, code, none]);
    }
    assert.equal(at(7300, UDP), undefined);
  });

  it("has all doors of a port: of one name with the same clients, and a knock within a block", () => {
    const flags = "tcpflags = syn\n";
    const config = `[ssh]\nclients = x\n[ssh]\nclients = x\n[a]\nsequence = 7350,7351\n${flags}[b]\nsequence = 7351\n${flags}`;
    const at = entries(config, client("phone", "ssh", "73,71,75"));
    const both = ["ssh 0", "ssh 1"];
    assert.deepEqual(at(7100), { isKnock: false, firsts: [], codes: both, rules: 1 });
    assert.deepEqual(at(7349), { isKnock: false, firsts: [], codes: both, rules: 1 });
    assert.deepEqual(at(7350), { isKnock: true, firsts: ["a 2"], codes: both, rules: 1 });
    assert.deepEqual(at(7351), { isKnock: true, firsts: ["b 3"], codes: both, rules: 1 });
    assert.deepEqual(at(7352), { isKnock: false, firsts: [], codes: both, rules: 1 });
  });

  it("has the doors of two neighbouring ports apart", () => {
    const at = entries(
      "[a]\nsequence = 1,2\n[b]\nsequence = 2,3\n[ssh]\nclients = x\n",
      client("p", "ssh", "73,71,75"),
    );
    assert.deepEqual(at(1), { isKnock: true, firsts: ["a 0"], codes: [], rules: 1 });
    assert.deepEqual(at(2), { isKnock: true, firsts: ["b 1"], codes: [], rules: 1 });
    assert.deepEqual(at(3), { isKnock: true, firsts: [], codes: [], rules: 1 });
  });
});
