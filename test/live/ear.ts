// An ear in a namespace: our capture at one of its interfaces, in a process of its own.

import type { ChildProcess } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { ResolvedDoor } from "../../src/config/resolved-door.ts";
import { until } from "../time-limit.ts";
import type { Wire } from "./wire.ts";

export interface Call {
  id: number;
  name: string;
  argument?: unknown;
}

/** All since it was opened. */
export interface Heard {
  packets: number;
  batches: number;
  /** Of the first hundred packets. */
  ports: number[];
  /** For kind "source": did some come by its timer? */
  busy: boolean;
  errors: string[];
}

const PROGRAM = fileURLToPath(new URL("ear-process.js", import.meta.url));

export class Ear {
  readonly #child: ChildProcess;
  readonly #answers = new Map<number, { resolve: (result: never) => void; reject: (error: Error) => void }>();
  #calls = 0;

  private constructor(child: ChildProcess) {
    this.#child = child;
    child.on("message", ({ id, result, error }: { id: number; result: never; error?: string }) => {
      const waiting = this.#answers.get(id);
      this.#answers.delete(id);
      if (error === undefined) waiting?.resolve(result);
      else waiting?.reject(new Error(error));
    });
    child.on("exit", (status, signal) => {
      for (const { reject } of this.#answers.values()) reject(new Error(`the ear ended: ${status ?? signal}`));
    });
  }

  /** Rejects with what opening it threw, as "CaptureError: …". */
  static async open(wire: Wire, device: string, ...kind: ["source"] | ["listening", "-4"?]): Promise<Ear> {
    const argv = [process.execPath, PROGRAM, device, ...(kind as string[])];
    const ear = new Ear(wire.spawn("server", argv, { stdio: ["ignore", "inherit", "inherit", "ipc"] }));
    await ear.#answer(0);
    return ear;
  }

  call<Result = undefined>(name: string, argument?: unknown): Promise<Result> {
    const id = ++this.#calls;
    const answer = this.#answer<Result>(id);
    this.#child.send({ id, name, argument } satisfies Call);
    return answer;
  }

  /** For kind "source". */
  setDoors(own: readonly string[], resolvedDoors: readonly ResolvedDoor[]): Promise<void> {
    return this.call("setDoors", { own, resolvedDoors });
  }

  heard(): Promise<Heard> {
    return this.call("heard");
  }

  /** Asks until the answer holds, for seconds. */
  async until<Result>(name: string, holds: (result: Result) => boolean, seconds = 10): Promise<Result> {
    let result: Result;
    const isTrue = async () => holds((result = await this.call<Result>(name)));
    if (await until(isTrue, seconds * 1000, 10)) return result!;
    throw new Error(`after ${seconds} s and more, ${name} is ${JSON.stringify(result!)}`);
  }

  /** Ends the process; resolves with how it ended. */
  async end(): Promise<{ status: number | null; signal: NodeJS.Signals | null }> {
    const ended = new Promise<{ status: number | null; signal: NodeJS.Signals | null }>((resolve) => {
      this.#child.once("exit", (status, signal) => resolve({ status, signal }));
    });
    this.#child.disconnect();
    return await ended;
  }

  #answer<Result>(id: number): Promise<Result> {
    return new Promise((resolve, reject) => {
      this.#answers.set(id, { resolve: resolve as (result: never) => void, reject });
    });
  }
}
