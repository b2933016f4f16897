// Tests the daemon's answer to `knockctl doors` for configs of any size.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Door } from "../src/config/door.ts";
import { listening } from "../src/control/commands/doors.ts";
import type { DaemonView } from "../src/control/daemon-view.ts";
import type { Answer } from "../src/control/protocol.ts";
import { doorOf } from "./door.ts";

function listed(doors: readonly Door[]): Answer[] {
  const eventLog = { counts: { openings: new Map() } };
  const view = { resolvedDoors: () => doors.map((door) => ({ door })), eventLog } as unknown as DaemonView;
  return listening(view, { args: {}, mayChange: false });
}

describe("the answer to knockctl doors", () => {
  it("contains, for a door of 10,000 clients, the first 100 names and the number of the others", () => {
    const clients = Array.from({ length: 10_000 }, (_, number) => ({ name: `client-${number}` }));
    const [door, ...more] = listed([doorOf({ clients: clients as unknown as Door["clients"] })]);
    assert.ok(door?.type === "door");
    assert.deepEqual([door.clients?.length, door.clients?.[99], door.moreClients], [100, "client-99", 9900]);
    assert.deepEqual(more, []);
  });

  it("leaves out doors beyond 64 KB, and gives their number", () => {
    const answers = listed(Array.from({ length: 2000 }, (_, number) => doorOf({ name: `door-${number}` })));
    const last = answers.at(-1);
    assert.ok(last?.type === "more" && answers.length > 400, `${answers.length} answers`);
    assert.deepEqual([last.of, last.count], ["door", 2000 - (answers.length - 1)]);
    assert.ok(JSON.stringify(answers).length < 66 << 10);
  });
});
