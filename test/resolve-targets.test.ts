// Tests which addresses the Target of a door stands for, and what happens to a door whose Target has none.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Config } from "../src/config/door.ts";
import { parseConfig } from "../src/config/parse.ts";
import { type ResolveHost, resolveTargets } from "../src/config/resolve-targets.ts";
import { formatAddress } from "../src/net/address.ts";

/** A door of three lines for each target, named by its index. Undefined: a door without a Target. */
function doors(...targets: (string | undefined)[]): Config {
  const sections = targets.map(
    (target, i) => `[${i}]\nsequence = 7\n${target === undefined ? "" : `target = ${target}`}`,
  );
  return parseConfig(sections.join("\n"), "/etc/k.conf", () => undefined);
}

/** Door's name → its addresses. */
async function resolved(config: Config, onlyIpv4: boolean, resolve?: ResolveHost) {
  const { resolvedDoors, warnings } = await resolveTargets(config, onlyIpv4, resolve);
  const found = resolvedDoors.map(({ door, targets }) => [door.name, targets?.map(formatAddress)] as const);
  return { found, warnings };
}

const hosts: Record<string, string[]> = {
  both: ["10.77.0.9", "10.77.0.8", "fd77::9"],
  linkLocal: ["fe80::1%eth0"],
};
const fromHosts: ResolveHost = async (host) => hosts[host] ?? Promise.reject(new Error("nobody of that name"));

describe("a target", () => {
  test("that is an address needs no lookup", async () => {
    const nobody: ResolveHost = (host) => assert.fail(`asked for ${host}`);
    const config = doors("10.77.0.1", "FD77:0::1", undefined, "::ffff:10.77.0.1");
    assert.deepEqual(await resolved(config, false, nobody), {
      found: [
        ["0", ["10.77.0.1"]],
        ["1", ["fd77::1"]],
        ["2", undefined],
        ["3", ["10.77.0.1"]],
      ],
      warnings: [],
    });
  });

  test("that is a name has all its addresses", async () => {
    assert.deepEqual(await resolved(doors("both", "linkLocal"), false, fromHosts), {
      found: [
        ["0", ["10.77.0.9", "10.77.0.8", "fd77::9"]],
        ["1", ["fe80::1"]],
      ],
      warnings: [],
    });
  });

  test("has only IPv4 addresses with -4", async () => {
    const { found } = await resolved(doors("both", "fd77::1", "10.77.0.1"), true, fromHosts);
    assert.deepEqual(found, [
      ["0", ["10.77.0.9", "10.77.0.8"]],
      ["1", []],
      ["2", ["10.77.0.1"]],
    ]);
  });

  for (const target of ["nobody", "300.1.1.1", "10.77.0.0/24", "10.77.0.1 x"]) {
    test(`${target} cannot be resolved: its door stays closed, and the others keep their order`, async () => {
      const config = doors("both", target, undefined, target, "10.77.0.1");
      const why = (line: number, door: string) =>
        `config: line ${line}: target "${target}" cannot be resolved: door '${door}' stays closed ` +
        `(/etc/k.conf: target = ${target})`;
      const { found, warnings } = await resolved(config, false, fromHosts);
      assert.deepEqual(
        found.map(([name]) => name),
        ["0", "2", "4"],
      );
      assert.deepEqual(warnings, [why(6, "1"), why(12, "3")]);
    });
  }

  test("is looked up by libc by default", async () => {
    const { found, warnings } = await resolved(doors("localhost", "no such name"), false);
    assert.deepEqual([found.length, warnings.length], [1, 1]);
    const [name, addresses] = found[0]!;
    assert.equal(name, "0");
    for (const address of addresses!) assert.match(address, /^(127\.\d+\.\d+\.\d+|::1)$/);
    assert.ok(addresses!.length > 0);
  });
});
