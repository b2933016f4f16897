// The command `self-test`: do we hear, now, at every interface?

import { setTimeout as sleep } from "node:timers/promises";
import type { InterfaceStatus } from "../../events/interface-status.ts";
import type { Answer } from "../protocol.ts";

/** A self-test that took so long is followed by nine times that of quiet: who asks for ever costs a tenth of the CPU. */
const QUIET_FACTOR = 9;
/** Who asks is not kept waiting for ever. */
const LONGEST_QUIET_MS = 5000;

export class SelfTest {
  readonly #test: () => readonly InterfaceStatus[];
  #quietUntil = 0;
  #next: Promise<readonly Answer[]> | undefined;

  /** `test` really tests, and may take some 50 ms an interface. */
  constructor(test: () => readonly InterfaceStatus[]) {
    this.#test = test;
  }

  /** Of a test that begins after the question; those who ask meanwhile share it. */
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
