// Tests how attempts end. With all rules, against the reference: attempts.test.ts.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { AttemptTable } from "../src/attempts/attempt-table.ts";
import { Completion } from "../src/attempts/completion.ts";
import { Cooldowns, cooldownKey } from "../src/attempts/cooldowns.ts";
import { DoorCooldowns } from "../src/attempts/door-cooldowns.ts";
import { PacketMatcher } from "../src/attempts/packet-matcher.ts";
import { Retransmissions } from "../src/attempts/retransmissions.ts";
import { ScanDetector } from "../src/attempts/scan-detector.ts";
import { StrayPorts } from "../src/attempts/stray-ports.ts";
import { VerdictReporter } from "../src/attempts/verdict-reporter.ts";
import { parseConfig } from "../src/config/parse.ts";
import { parseAddress } from "../src/net/address.ts";
import { currentOf } from "./current.ts";

const source = parseAddress("10.0.0.1")!;

function scene(config: string) {
  const { doors } = parseConfig(config, "knockd.conf", () => undefined);
  const knockers = new AttemptTable([1, 2], 64, undefined);
  knockers.doors.set(doors.map((door) => ({ door, targets: undefined })));
  const [scans, retransmissions, cooldowns] = [
    new ScanDetector(knockers, new PacketMatcher(() => true), [1, 2]),
    new Retransmissions(),
    new Cooldowns(),
  ];
  const endings = new Completion({
    table: knockers,
    scanDetector: scans,
    retransmissions,
    cooldowns,
    doorCooldowns: new DoorCooldowns(),
    verdictReporter: new VerdictReporter(undefined),
  });
  return {
    knockers,
    scans,
    retransmissions,
    cooldowns,
    endings,
    state: knockers.doors.door(0),
    hash: knockers.hash(source),
  };
}

describe("the end of an attempt", () => {
  it("by timeout reports the stage, remembers the last segment and frees the slot", () => {
    const { knockers, retransmissions, endings, state, hash } = scene("[a]\nsequence = 1,2\nseq_timeout = 2\n");
    assert.equal(endings.deadline, Number.POSITIVE_INFINITY);
    knockers.begin(state, currentOf(source, { hash, print: 77, now: 1000 }));
    assert.equal(endings.deadline, 3000);
    assert.deepEqual(endings.expire(2999, 10), []);
    const [event] = endings.expire(3000, 10);
    assert.deepEqual([event!.type, event!.type === "timeout" && event!.stage, knockers.pool.live], ["timeout", 1, 0]);
    assert.equal(retransmissions.find(hash, 77, 3000) >= 0, true);
  });

  it("by opening, held or not, sets the cooldown and uses a one-time sequence once", () => {
    const { cooldowns, endings, state, hash, scans } = scene("[a]\nsequence = 1,2\nseq_cooldown = 3\n");
    endings.open(state, hash, 1000);
    const key = cooldownKey(hash, state);
    assert.deepEqual([cooldowns.isActive(key, 3999), cooldowns.isActive(key, 4000)], [true, false]);
    scans.held.hold({ state, knocker: source, hash, strays: new StrayPorts(1) }, 5000);
    assert.equal(endings.deadline, 5005);
    state.retired = true; // meanwhile a reload removed the door
    assert.deepEqual(endings.expire(5005, 10), []);
    state.retired = false;
    state.door = { ...state.door, oneTimeSequences: "file" };
    endings.open(state, hash, 9000);
    assert.equal(state.retired, true);
  });
});
