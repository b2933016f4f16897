// The command `self-test`: does the daemon receive the packets of every interface now?

import { setTimeout as sleep } from "node:timers/promises";
import type { InterfaceStatus } from "../../events/interface-status.ts";
import type { Answer } from "../protocol.ts";

/** After a self-test, the next one waits nine times as long as it took: endless requests cost a tenth of the CPU. */
const QUIET_FACTOR = 9;
/** A client never waits longer than this for the next one. */
const LONGEST_QUIET_MS = 5000;

export class SelfTest {
  readonly #test: () => readonly InterfaceStatus[];
  #quietUntil = 0;
  #next: Promise<readonly Answer[]> | undefined;

  /** `test` may take some 50 ms per interface. */
  constructor(test: () => readonly InterfaceStatus[]) {
    this.#test = test;
  }

  /** The result of a test that begins after the request. Requests that arrive meanwhile share it. */
  answer(): Promise<readonly Answer[]> {
    this.#next ??= this.#run();
    return this.#next;
  }

  async #run(): Promise<readonly Answer[]> {
    await sleep(Math.max(0, this.#quietUntil - performance.now()));
    this.#next = undefined;
    const begun = performance.now();
    const reports = this.#test();
    const ended = performance.now();
    this.#quietUntil = ended + Math.min(QUIET_FACTOR * (ended - begun), LONGEST_QUIET_MS);
    return reports.map((report) => ({ type: "interface", ...report }));
  }
}
