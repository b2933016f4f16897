// One socket of the daemon: one request a client, its answer, and the end (protocol.ts); or what he watches, until he goes.
// Whoever floods or stalls it has it to himself at worst; the knocks have nothing to do with it.

import * as fs from "node:fs";
import { connect, createServer, type Server, type Socket } from "node:net";
import { setImmediate as nextTurn } from "node:timers/promises";
import { systemErrorText } from "../platform/system-error.ts";
import { version } from "../platform/version.ts";
import { grantAccess } from "./group-access.ts";
import { type Commands, type Question, Refusal, type Stream } from "./handler.ts";
import { type Answer, answerLine, LONGEST_REQUEST, readRequest } from "./protocol.ts";

/** One client more puts an end to the oldest that has not asked yet, or else to the oldest: who stalls keeps nobody out. */
const MOST_CLIENTS = 64;
/**
 * More of them in one turn of the loop are a storm: libuv before 1.45 (Node 18) does nothing else while one more waits, so
 * that two processes that only connect would make us deaf. Then there is no socket for so long.
 */
const [MOST_A_TURN, REST_MS] = [64, 100] as const;
/** They stay as long as they like. What one of them has not read is small, most of the time. */
const MOST_WATCHERS = 8;
/** For the request and the answer together. */
const LONGEST_MS = 10_000;
/** What a client has not read, beyond what the kernel holds for it. */
const MOST_UNREAD = 256 << 10;

export interface SocketOptions {
  readonly path: string;
  /** It may ask too, and then nobody may change anything here; undefined: root alone. */
  readonly group: number | undefined;
  /** The config's. */
  readonly config: string;
  readonly commands: Commands;
  /** Why there is no socket. */
  readonly trouble: (why: string) => void;
}

export class ControlSocket {
  readonly #options: SocketOptions;
  /** Each with what ends it. */
  readonly #clients = new Map<Socket, NodeJS.Timeout>();
  /** Those whose request is not there yet. */
  readonly #asking = new Set<Socket>();
  /** Those that are clients no more: nobody takes their place. */
  readonly #watchers = new Set<Socket>();
  #server: Server | undefined;
  #cameThisTurn = 0;
  /** One answer in a turn: between two, packets are fetched. */
  #answered: Promise<unknown> = Promise.resolve();
  #rest: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(options: SocketOptions) {
    this.#options = options;
  }

  /** In the place of a socket that a dead daemon has left. Resolves when it is there, or can't be. */
  async open(): Promise<void> {
    const { path, trouble } = this.#options;
    try {
      if (await this.#listen(path)) return;
      if (await isAlive(path)) throw new Error("another process listens there");
      fs.unlinkSync(path);
      if (!(await this.#listen(path))) throw new Error("another process listens there");
    } catch (error) {
      trouble(`${path}: ${systemErrorText(error)}`);
    }
  }

  /** At any time, and again. The socket goes with it. */
  close(): void {
    this.#closed = true;
    clearTimeout(this.#rest);
    this.#server?.close();
    for (const client of [...this.#clients.keys(), ...this.#watchers]) client.destroy();
  }

  /** False when something is at its place. */
  #listen(path: string): Promise<boolean> {
    if (this.#closed) return Promise.resolve(true);
    const server = createServer({ allowHalfOpen: true }, (client) => this.#onClient(client));
    return new Promise((resolve, reject) => {
      server.once("error", (error: NodeJS.ErrnoException) => {
        if (error.code === "EADDRINUSE") resolve(false);
        else reject(error);
      });
      server.once("listening", () => {
        server.on("error", () => {}); // no descriptor left for a client: it is told by the kernel
        if (this.#closed) server.close();
        else if (!this.#letGroupIn(path, reject)) return;
        resolve(true);
      });
      this.#server = server;
      const umask = process.umask(0o177); // from its first moment for root only; it is made in this turn
      server.listen(path);
      process.umask(umask);
    });
  }

  /** False when that can't be: then there is no socket either. */
  #letGroupIn(path: string, reject: (error: unknown) => void): boolean {
    const { group } = this.#options;
    if (group === undefined) return true;
    try {
      grantAccess(group, path);
      return true;
    } catch (error) {
      this.#server?.close();
      reject(error);
      return false;
    }
  }

  #onClient(client: Socket): void {
    if (this.#cameThisTurn++ === 0) setImmediate(() => void (this.#cameThisTurn = 0));
    if (this.#cameThisTurn > MOST_A_TURN) {
      client.destroy();
      this.#restAWhile();
      return;
    }
    if (this.#clients.size >= MOST_CLIENTS) this.#forgetOne();
    this.#clients.set(
      client,
      setTimeout(() => client.destroy(), LONGEST_MS),
    );
    this.#asking.add(client);
    client.once("close", () => this.#forget(client));
    client.on("error", () => {}); // it has gone
    client.on("end", () => client.destroy()); // it had no request
    let request = "";
    client.setEncoding("latin1"); // no byte is more than one letter
    client.on("data", (text: string) => {
      request += text;
      const end = request.indexOf("\n");
      if (end < 0 && request.length <= LONGEST_REQUEST) return;
      this.#asking.delete(client);
      client.removeAllListeners("end").removeAllListeners("data").pause(); // what else it sends stays with it
      if (end < 0 || end > LONGEST_REQUEST) this.#end(client, refusal("the request is too long"));
      else void this.#answer(client, Buffer.from(request.slice(0, end), "latin1").toString());
    });
  }

  #restAWhile(): void {
    this.#server?.close();
    clearTimeout(this.#rest);
    this.#rest = setTimeout(() => void this.open(), REST_MS);
  }

  #forgetOne(): void {
    const [oldest] = this.#asking.size > 0 ? this.#asking : this.#clients.keys();
    oldest!.destroy();
    this.#forget(oldest!);
  }

  #forget(client: Socket): void {
    clearTimeout(this.#clients.get(client));
    this.#clients.delete(client);
    this.#asking.delete(client);
  }

  async #answer(client: Socket, line: string): Promise<void> {
    this.#answered = this.#answered.then(() => nextTurn());
    await this.#answered;
    if (client.destroyed) return;
    const request = readRequest(line);
    if (request instanceof Error) {
      this.#end(client, refusal(request.message));
      return;
    }
    const { commands, config, group } = this.#options;
    const question: Question = { args: request.args, mayChange: group === undefined };
    const daemon: Answer = { type: "daemon", pid: process.pid, knockd: version, config };
    const command = commands.answered.get(request.command);
    const stream = commands.streamed.get(request.command);
    try {
      if (command !== undefined) this.#end(client, [daemon, ...(await command(question)), { type: "end" }]);
      else if (stream !== undefined) this.#watch(client, stream, question, daemon);
      else this.#end(client, refusal("this knockd does not know that command"));
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      this.#end(client, [daemon, { type: "refused", why: error.message }, { type: "end" }]);
    }
  }

  /** Until he goes, says more, or does not read. */
  #watch(client: Socket, stream: Stream, question: Question, daemon: Answer): void {
    if (client.destroyed) return;
    if (this.#watchers.size >= MOST_WATCHERS) throw new Refusal(`${MOST_WATCHERS} clients watch already`);
    const tell = (answer: Answer) => {
      client.write(answerLine(answer));
      if (client.writableLength > MOST_UNREAD) client.destroy();
    };
    const stop = stream(question, tell);
    this.#forget(client);
    this.#watchers.add(client);
    client.once("close", () => {
      stop();
      this.#watchers.delete(client);
    });
    for (const event of ["end", "data"]) client.once(event, () => client.destroy());
    client.resume();
    tell(daemon);
  }

  #end(client: Socket, answers: readonly Answer[]): void {
    const text = answers.map(answerLine).join("");
    if (client.destroyed) return;
    if (text.length > MOST_UNREAD) client.end(answerLine(refusal("the answer is too long")[0]!));
    else client.end(text, () => client.destroy()); // even when it has more to send
  }
}

function refusal(error: string): [Answer] {
  return [{ type: "error", error }];
}

/** Does somebody listen at this socket? */
function isAlive(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = connect(path, () => {
      probe.destroy();
      resolve(true);
    });
    probe.once("error", ({ code }: NodeJS.ErrnoException) => resolve(code !== "ECONNREFUSED" && code !== "ENOENT"));
  });
}
