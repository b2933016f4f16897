// Tests the commands clients and reset-client of the daemon's socket.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ClientStates } from "../src/codes/client-states.ts";
import { clients, resetClient } from "../src/control/commands/clients.ts";
import type { DaemonView } from "../src/control/daemon-view.ts";
import { Bench, clientOf } from "./code-group.ts";
import { doorOf } from "./door.ts";

describe("the commands for clients", () => {
  const all = [clientOf(), clientOf({ kind: "list", name: "paper", seed: 2 })];
  const states = new ClientStates();
  const bench = new Bench([all[0]!], {}, states);
  bench.guess(bench.code());
  bench.group.opened("phone");
  const view = {
    resolvedDoors: () => [{ door: doorOf({ name: "openSSH", clients: all }), targets: undefined }],
    clientCodes: { states, reset: async (name: string, last: number) => states.reset(name, last) },
  } as unknown as DaemonView;
  const asked = (client: string, mayChange = true) => resetClient(view)({ args: { client }, mayChange });

  it("list whose codes open which door, and when each was last used", () => {
    assert.deepEqual(clients(view)({ args: {}, mayChange: false }), [
      {
        ...{ type: "client", client: "phone", door: "openSSH", kind: "code", openings: 1 },
        ...{ used: "2026-07-01T12:00:00.000Z", from: "192.0.2.1" },
      },
      { type: "client", client: "paper", door: "openSSH", kind: "list", openings: 0 },
    ]);
  });

  it("reset a client, but only for root", async () => {
    await assert.rejects(asked("phone", false), /only root/);
    await assert.rejects(asked("nobody"), /there is no client nobody/);
    states.of(all[0]!).last = 2 ** 40;
    assert.deepEqual(await asked("phone"), [{ type: "reset", client: "phone" }]);
    assert.ok(states.of(all[0]!).last < 2 ** 40 && states.of(all[0]!).last > 0, "codes until now stay used");
    await asked("paper");
    assert.equal(states.of(all[1]!).last, -1);
  });
});
