// Tests the log line of each event. How many lines a siege makes: limit.test.ts.

import assert from "node:assert/strict";
import { it } from "node:test";
import type { KnockEvent } from "../src/events/knock-event.ts";
import { EventLog } from "../src/log/event-log.ts";
import type { Logger } from "../src/log/logger.ts";
import { eventLine } from "../src/log/messages.ts";
import { formatAddress, parseAddress } from "../src/net/address.ts";
import { doorRefOf } from "./door.ts";

it("the event log writes the right line for each event, in any order of clients and doors", () => {
  const doors = ["a", "b"].map((name, id) => doorRefOf({ id, name }));
  const knockers = ["10.77.0.2", "10.77.0.2", "10.77.0.3", "fd77::2", "10.77.0.2"].map((ip) => parseAddress(ip)!);
  const told: string[] = [];
  const book = { tellsEvents: true, event: (line: string) => void told.push(line) } as unknown as Logger;
  const eventLog = new EventLog(book, undefined, () => 0);
  const events = knockers.flatMap((knocker) =>
    [...doors, ...doors].flatMap((door): KnockEvent[] => [
      ...[1, 2, 3].map((stage) => ({ type: "stage", door, knocker, stage }) as const),
      { type: "open", door, knocker },
      { type: "timeout", door, knocker, stage: 2 },
      { type: "timeout", door, knocker, stage: 1 },
      { type: "scan", knocker, ports: 8, seconds: 60 },
    ]),
  );
  for (const event of events) eventLog.event(event, 0);
  eventLog.end();
  assert.deepEqual(
    told,
    events.map((event) => eventLine(event, formatAddress(event.knocker))),
  );
});
