// Tests what knockctl watch shows: each event once, in the words of the log.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { watch } from "../src/control/commands/watch.ts";
import type { EventsView } from "../src/control/daemon-view.ts";
import type { PacketHistory } from "../src/history/packet-history.ts";
import type { Verdict } from "../src/history/verdict.ts";
import { eventRow } from "../src/knockctl/commands/watch.ts";
import { EventStream } from "../src/log/event-stream.ts";
import { parseAddress } from "../src/net/address.ts";

const AT = { ip: "192.0.2.7", door: "openSSH", time: "2026-11-29T08:00:00.000Z" };

describe("knockctl watch", () => {
  it("leaves out a verdict if another event reports the same", () => {
    const history: Pick<PacketHistory, "onVerdict"> = { onVerdict: undefined };
    const told: string[] = [];
    const stream = new EventStream(() => 0);
    const end = watch(stream satisfies EventsView, history)({} as never, (answer) => {
      if (answer.type === "event" && answer.event === "verdict") told.push(answer.verdict);
    });
    const kinds = ["stage", "open", "wrong", "accepted", "replay", "wrongCode", "banned", "repeat"] as const;
    const verdict = { at: 0, knocker: parseAddress(AT.ip)!, stage: 3, of: 3, detail: 0, times: 1 };
    for (const kind of kinds) history.onVerdict!({ ...verdict, kind, door: AT.door } as Verdict);
    end();
    assert.deepEqual(told, ["wrong", "banned", "repeat"]);
  });

  it("describes a code as the log does", () => {
    const row = (more: { result: string; other?: string; seconds?: number; count?: number }) =>
      eventRow({ event: "code", ...AT, client: "phone", ...more })[3];
    assert.equal(row({ result: "accepted" }), "code of phone accepted");
    assert.equal(row({ result: "replay", other: "192.0.2.9" }), "code of phone was already used by 192.0.2.9: replay");
    assert.equal(row({ result: "replay" }), "code of phone was already used: replay");
    assert.equal(row({ result: "clock", seconds: -120 }), "code of phone is 2 min ahead: check the clocks");
    assert.equal(row({ result: "wrong", count: 3 }), "wrong code for phone (3 today)");
  });
});
