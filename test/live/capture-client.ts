// Controls a capture on an interface of a network namespace, which runs in a process of its own (capture-process.ts).

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

/** All packets since it was opened. */
export interface Captured {
  packets: number;
  batches: number;
  /** Delays of the first hundred packets. */
  ports: number[];
  /** For kind "source": were some of them fetched by the timer? */
  busy: boolean;
  errors: string[];
}

const PROGRAM = fileURLToPath(new URL("capture-process.js", import.meta.url));

export class CaptureClient {
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
      for (const { reject } of this.#answers.values())
        reject(new Error(`the capture process ended: ${status ?? signal}`));
    });
  }

  /** Rejects with the error of opening it, as "CaptureError: …". */
  static async open(wire: Wire, device: string, ...kind: ["source"] | ["listening", "-4"?]): Promise<CaptureClient> {
    const argv = [process.execPath, PROGRAM, device, ...(kind as string[])];
    const client = new CaptureClient(wire.spawn("server", argv, { stdio: ["ignore", "inherit", "inherit", "ipc"] }));
    await client.#answer(0);
    return client;
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

  captured(): Promise<Captured> {
    return this.call("captured");
  }

  /** Asks for some seconds, until the condition holds. */
  async until<Result>(name: string, holds: (result: Result) => boolean, seconds = 10): Promise<Result> {
    let result: Result;
    const isTrue = async () => holds((result = await this.call<Result>(name)));
    if (await until(isTrue, seconds * 1000, 10)) return result!;
    throw new Error(`after ${seconds} s and more, ${name} is ${JSON.stringify(result!)}`);
  }

  /** Ends the process. Resolves with its status. */
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
