// A ledger that keeps nothing, for doors that open only in a replay or a rehearsal.

import type { Ledger } from "./ledger.ts";

export type DoorLedger = Pick<Ledger, "add" | "move" | "remove" | "save" | "marker" | "isMarked">;

export function nullLedger(): DoorLedger {
  let lastId = 0;
  return {
    add: (entry) => ({ ...entry, id: ++lastId, due: { wall: 0, boot: 0, bootId: "" } }),
    move() {},
    remove() {},
    save: () => undefined,
    marker: () => "",
    isMarked: () => false,
  };
}
