// A wire with something to let in: servers at the server's ports, connections from the client, and what nft says of the
// gate.
import type { ChildProcess } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { frame } from "../frame.ts";
import { until } from "../time-limit.ts";
import type { Wire } from "./wire.ts";

/** Accepts and closes connections on each port, with IPv4 and IPv6. Prints "ready" when all listen. */
const SERVER = `
import socket, struct, sys, threading
def serve(port):
    s = socket.create_server(("::", port), family=socket.AF_INET6, dualstack_ipv6=True, backlog=512)
    if RESETS: s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    def loop():
        while True: s.accept()[0].close()
    threading.Thread(target=loop, daemon=True).start()
RESETS = sys.argv[1] == "resets"
for port in sys.argv[2:]: serve(int(port))
print("ready", flush=True)
threading.Event().wait()
`;

/** `resets`: the server ends connections with a reset, so that TIME_WAIT does not use up the client's ports. */
export async function serve(
  wire: Wire,
  ports: readonly number[],
  how: "closes" | "resets" = "closes",
): Promise<ChildProcess> {
  const server = wire.spawn("server", ["python3", "-c", SERVER, how, ...ports.map(String)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let said = "";
  server.stdout!.on("data", (text) => (said += text));
  if (!(await until(() => said.includes("ready"), 10_000))) throw new Error("nothing listens");
  return server;
}

/** `in`, `refused` by a reset, or `silence`. The addresses must be the client's own. */
export async function connect(
  wire: Wire,
  port: number,
  { from = wire.client, to = from.includes(":") ? wire.server6 : wire.server }: { from?: string; to?: string } = {},
): Promise<"in" | "refused" | "silence"> {
  const { stderr, status } = await wire.run("client", ["nc", "-v", "-z", "-w", "1", "-s", from, to, `${port}`]);
  return status === 0 ? "in" : /refused/.test(stderr) ? "refused" : "silence";
}

let sequence = 0;

/** Knocks that are not retransmissions of each other, a twentieth of a second apart. */
export async function knock(wire: Wire, ports: readonly number[], from: string = wire.client): Promise<void> {
  const to = from.includes(":") ? wire.server6 : wire.server;
  await wire.send(
    ports.map((port, i) => ({ at: i * 0.05, frame: frame({ from, to, protocol: "tcp", port, seq: ++sequence }) })),
  );
}

export interface NftElement {
  readonly key: string;
  readonly expires: number | undefined;
  readonly comment: string | undefined;
  readonly packets: number;
}

interface NftJson {
  readonly nftables: readonly {
    readonly set?: { readonly name: string; readonly elem?: readonly unknown[] };
  }[];
}

/** The content of a set, as the real nft shows it. Undefined if there is no such set. */
export async function elements(wire: Wire, set: string, table = "inet knockd"): Promise<NftElement[] | undefined> {
  // Written to a file: on a busy machine, the end of a command's output may arrive after its exit (wire.ts). Only the
  // set, because nft 1.0.6 stops in the middle of a table that has the flag "persist" and no owner.
  const file = join(wire.dir, "ruleset.json");
  const { status } = await wire.run("server", ["sh", "-c", `nft -j list set ${table} ${set} >${file}`], {
    timeoutMs: 30_000,
  });
  if (status !== 0) return undefined;
  const stdout = readFileSync(file, "utf8");
  const found = (JSON.parse(stdout) as NftJson).nftables.find((one) => one.set?.name === set)?.set;
  return found && (found.elem ?? []).map(element);
}

function element(one: unknown): NftElement {
  interface Elem {
    val: unknown;
    expires?: number;
    comment?: string;
    counter?: { packets: number };
  }
  const { val, expires, comment, counter } = (one as { elem?: Elem }).elem ?? { val: one };
  const text = (part: unknown): string => {
    if (typeof part !== "object" || part === null) return `${part}`;
    const { concat, range, prefix } = part as {
      concat?: unknown[];
      range?: unknown[];
      prefix?: { addr: string; len: number };
    };
    if (concat !== undefined) return concat.map(text).join(" ");
    if (prefix !== undefined) return `${prefix.addr}/${prefix.len}`;
    return range!.map(text).join("-");
  };
  return { key: text(val), expires, comment, packets: counter?.packets ?? 0 };
}

export const keys = async (wire: Wire, set: string, table?: string): Promise<string[] | undefined> =>
  (await elements(wire, set, table))?.map(({ key }) => key).sort();

export async function nft(wire: Wire, text: string): Promise<void> {
  const { status, stderr } = await wire.run("server", ["nft", "-f", "-"], { input: text });
  if (status !== 0) throw new Error(stderr);
}
