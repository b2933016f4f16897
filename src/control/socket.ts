// One control socket of the daemon. A client sends one request and receives one answer (protocol.ts), or events until
// it disconnects. A client that floods or stalls the socket cannot delay knocks.

import * as fs from "node:fs";
import { connect, createServer, type Server, type Socket } from "node:net";
import { setImmediate as nextTurn } from "node:timers/promises";
import { systemErrorText } from "../platform/system-error.ts";
import { version } from "../platform/version.ts";
import { grantAccess } from "./group-access.ts";
import { type ClientRequest, type Handlers, Refusal, type StreamHandler } from "./handler.ts";
import { type Answer, answerLine, LONGEST_REQUEST, readRequest } from "./protocol.ts";

/**
 * One client more disconnects the oldest without a request, or else the oldest of all, so that stalled clients do not
 * keep others out.
 */
const MAX_CLIENTS = 64;
/**
 * More connections than this in one turn of the event loop are a flood. libuv before 1.45 (Node 18) accepts connections
 * as long as one is waiting, so two processes that only connect could stop all reading of packets. The socket then
 * closes for REST_MS.
 */
const [MAX_A_TURN, REST_MS] = [64, 100] as const;
/** Watchers stay connected. Usually they have little unread output. */
const MAX_WATCHERS = 8;
/** The time for the request and the answer together. */
const LONGEST_MS = 10_000;
/** The limit of a watcher's unread output, in addition to the kernel's buffer. */
const MAX_UNREAD = 256 << 10;
/** The limit of all unread answers together. The answer for 10,000 clients of a door takes 1 MB. */
const MAX_UNREAD_ANSWERS = 16 << 20;

export interface SocketOptions {
  readonly path: string;
  /** This group may ask too, but change nothing. Undefined: only root may ask. */
  readonly group: number | undefined;
  /** The path of the config. */
  readonly config: string;
  readonly handlers: Handlers;
  /** Why there is no socket. */
  readonly trouble: (why: string) => void;
}

export class ControlSocket {
  readonly #options: SocketOptions;
  /** Each client with the timer that disconnects it. */
  readonly #clients = new Map<Socket, NodeJS.Timeout>();
  /** Clients whose request has not arrived yet. */
  readonly #asking = new Set<Socket>();
  /** These no longer count as clients: no new client displaces them. */
  readonly #watchers = new Set<Socket>();
  #server: Server | undefined;
  #cameThisTurn = 0;
  /**
   * Resolves after the latest answer. There is one answer per turn of the event loop, so that packets are read in
   * between.
   */
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

  /** Removes the socket. May be called at any time and repeatedly. */
  close(): void {
    this.#closed = true;
    clearTimeout(this.#rest);
    this.#server?.close();
    for (const client of [...this.#clients.keys(), ...this.#watchers]) client.destroy();
  }

  /** Resolves with false if the path is taken. */
  #listen(path: string): Promise<boolean> {
    if (this.#closed) return Promise.resolve(true);
    const server = createServer({ allowHalfOpen: true }, (client) => this.#onClient(client));
    return new Promise((resolve, reject) => {
      server.once("error", (error: NodeJS.ErrnoException) => {
        if (error.code === "EADDRINUSE") resolve(false);
        else reject(error);
      });
      server.once("listening", () => {
        server.on("error", () => {}); // no descriptor is left for a client: the kernel refuses it
        if (this.#closed) server.close();
        else if (!this.#letGroupIn(path, reject)) return;
        resolve(true);
      });
      this.#server = server;
      const umask = process.umask(0o177); // only root may connect, from the first moment: the socket is made in this turn
      server.listen(path);
      process.umask(umask);
    });
  }

  /** Returns false if that fails. Then there is no socket at all. */
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
      this.#pauseListening();
      return;
    }
    if (this.#clients.size >= MAX_CLIENTS) this.#forgetOne();
    this.#clients.set(
      client,
      setTimeout(() => client.destroy(), LONGEST_MS),
    );
    this.#asking.add(client);
    client.once("close", () => this.#forget(client));
    client.on("error", () => {}); // it has disconnected
    client.on("end", () => client.destroy()); // it sent no request
    let request = "";
    client.setEncoding("latin1"); // one character per byte
    client.on("data", (text: string) => {
      request += text;
      const end = request.indexOf("\n");
      if (end < 0 && request.length <= LONGEST_REQUEST) return;
      this.#asking.delete(client);
      client.removeAllListeners("end").removeAllListeners("data").pause(); // nothing more is read from this client
      if (end < 0 || end > LONGEST_REQUEST) this.#end(client, refusal("the request is too long"));
      else void this.#answer(client, Buffer.from(request.slice(0, end), "latin1").toString());
    });
  }

  #pauseListening(): void {
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
    const { handlers, config, group } = this.#options;
    const clientRequest: ClientRequest = { args: request.args, mayChange: group === undefined };
    const daemon: Answer = { type: "daemon", pid: process.pid, knockd: version, config };
    const handler = handlers.answered.get(request.command);
    const stream = handlers.streamed.get(request.command);
    try {
      if (handler !== undefined) this.#end(client, [daemon, ...(await handler(clientRequest)), { type: "end" }]);
      else if (stream !== undefined) this.#watch(client, stream, clientRequest, daemon);
      else this.#end(client, refusal("this knockd does not know that command"));
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      this.#end(client, [daemon, { type: "refused", why: error.message }, { type: "end" }]);
    }
  }

  /** Sends events until the client disconnects, sends anything, or does not read. */
  #watch(client: Socket, stream: StreamHandler, request: ClientRequest, daemon: Answer): void {
    if (client.destroyed) return;
    if (this.#watchers.size >= MAX_WATCHERS) throw new Refusal(`${MAX_WATCHERS} clients are already watching`);
    const tell = (answer: Answer) => {
      client.write(answerLine(answer));
      if (client.writableLength > MAX_UNREAD) client.destroy();
    };
    const stop = stream(request, tell);
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
    else client.end(text, () => client.destroy()); // even if it has more to send
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
