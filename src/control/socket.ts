// One control socket of the daemon: a client sends one request and gets one answer (protocol.ts), or events until it
// disconnects. A client that floods or stalls the socket cannot delay knocks.

import * as fs from "node:fs";
import { connect, createServer, type Server, type Socket } from "node:net";
import { setImmediate as nextTurn } from "node:timers/promises";
import { systemErrorText } from "../platform/system-error.ts";
import { version } from "../platform/version.ts";
import { grantAccess } from "./group-access.ts";
import { type Commands, type Question, Refusal, type Stream } from "./handler.ts";
import { type Answer, answerLine, LONGEST_REQUEST, readRequest } from "./protocol.ts";

/** One more disconnects the oldest client without a request, or the oldest of all: stalled clients do not keep others out. */
const MAX_CLIENTS = 64;
/**
 * More connections in one turn of the loop are a storm: libuv before 1.45 (Node 18) accepts connections as long as one waits,
 * so two processes that only connect would make the daemon deaf. The socket then closes for REST_MS.
 */
const [MAX_A_TURN, REST_MS] = [64, 100] as const;
/** Watchers stay connected. Their unread output is usually small. */
const MAX_WATCHERS = 8;
/** For the request and the answer together. */
const LONGEST_MS = 10_000;
/** Unread output of a watcher, beyond the kernel's buffer. */
const MAX_UNREAD = 256 << 10;
/** The unread answers of all clients together: 10,000 clients of a door take 1 MB. */
const MAX_UNREAD_ANSWERS = 16 << 20;

export interface SocketOptions {
  readonly path: string;
  /** This group may ask too, but change nothing. Undefined: only root may ask. */
  readonly group: number | undefined;
  /** The path of the config. */
  readonly config: string;
  readonly commands: Commands;
  /** Why there is no socket. */
  readonly trouble: (why: string) => void;
}

export class ControlSocket {
  readonly #options: SocketOptions;
  /** Each with the timer that disconnects it. */
  readonly #clients = new Map<Socket, NodeJS.Timeout>();
  /** Clients whose request has not arrived. */
  readonly #asking = new Set<Socket>();
  /** Not counted as clients any more: no new client displaces them. */
  readonly #watchers = new Set<Socket>();
  #server: Server | undefined;
  #cameThisTurn = 0;
  /** One answer per turn of the loop, so that packets are read in between. */
  #answered: Promise<unknown> = Promise.resolve();
  #rest: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(options: SocketOptions) {
    this.#options = options;
  }

  /** Replaces the socket of a dead daemon. Resolves when the socket exists or cannot exist. */
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

  /** Can be called at any time, and repeatedly. Removes the socket. */
  close(): void {
    this.#closed = true;
    clearTimeout(this.#rest);
    this.#server?.close();
    for (const client of [...this.#clients.keys(), ...this.#watchers]) client.destroy();
  }

  /** False when the path is taken. */
  #listen(path: string): Promise<boolean> {
    if (this.#closed) return Promise.resolve(true);
    const server = createServer({ allowHalfOpen: true }, (client) => this.#onClient(client));
    return new Promise((resolve, reject) => {
      server.once("error", (error: NodeJS.ErrnoException) => {
        if (error.code === "EADDRINUSE") resolve(false);
        else reject(error);
      });
      server.once("listening", () => {
        server.on("error", () => {}); // no descriptor left for a client: the kernel refuses it
        if (this.#closed) server.close();
        else if (!this.#letGroupIn(path, reject)) return;
        resolve(true);
      });
      this.#server = server;
      const umask = process.umask(0o177); // root only from its first moment: it is made in this turn
      server.listen(path);
      process.umask(umask);
    });
  }

  /** False when that fails: then there is no socket either. */
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
    if (this.#cameThisTurn > MAX_A_TURN) {
      client.destroy();
      this.#restAWhile();
      return;
    }
    if (this.#clients.size >= MAX_CLIENTS) this.#forgetOne();
    this.#clients.set(
      client,
      setTimeout(() => client.destroy(), LONGEST_MS),
    );
    this.#asking.add(client);
    client.once("close", () => this.#forget(client));
    client.on("error", () => {}); // it has gone
    client.on("end", () => client.destroy()); // it had no request
    let request = "";
    client.setEncoding("latin1"); // one character per byte
    client.on("data", (text: string) => {
      request += text;
      const end = request.indexOf("\n");
      if (end < 0 && request.length <= LONGEST_REQUEST) return;
      this.#asking.delete(client);
      client.removeAllListeners("end").removeAllListeners("data").pause(); // nothing else from this client is read
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

  /** Until the client disconnects, sends anything, or does not read. */
  #watch(client: Socket, stream: Stream, question: Question, daemon: Answer): void {
    if (client.destroyed) return;
    if (this.#watchers.size >= MAX_WATCHERS) throw new Refusal(`${MAX_WATCHERS} clients watch already`);
    const tell = (answer: Answer) => {
      client.write(answerLine(answer));
      if (client.writableLength > MAX_UNREAD) client.destroy();
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
    if (this.#unread() + text.length > MAX_UNREAD_ANSWERS)
      client.end(answerLine(refusal("too many long answers at once")[0]!));
    else client.end(text, () => client.destroy()); // even when it has more to send
  }

  #unread(): number {
    let bytes = 0;
    for (const client of this.#clients.keys()) bytes += client.writableLength;
    return bytes;
  }
}

function refusal(error: string): [Answer] {
  return [{ type: "error", error }];
}

/** Does a process listen on this socket? */
function isAlive(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = connect(path, () => {
      probe.destroy();
      resolve(true);
    });
    probe.once("error", ({ code }: NodeJS.ErrnoException) => resolve(code !== "ECONNREFUSED" && code !== "ENOENT"));
  });
}
