// Finds what keeps codes from opening a door, and doors whose codes are too easy to guess.

import { blockSize, type Client } from "../codes/client.ts";
import { type Config, type Door, strayLimit } from "../config/door.ts";
import { atLine, atPlace, type Finding } from "./finding.ts";
import type { Ports } from "./ports.ts";

/**
 * `isClockSet`: undefined if it cannot be found out. It may run a program, so it is called at most once, and only if
 * needed.
 */
export function lintClients(config: Config, ports: Ports, isClockSet: () => boolean | undefined): Finding[] {
  const doors = config.doors.filter(({ clients }) => clients.length > 0);
  return [
    ...doors.flatMap((door) => [
      ...easy(config, door),
      ...shared(config, door),
      ...door.clients.flatMap((client) => inUse(door, client, ports)),
    ]),
    ...copied(doors),
    ...unset(config, doors, isClockSet),
  ];
}

/** A scan of all ports in random order completes guesses, unless its other ports reveal it. */
function easy(config: Config, door: Door): Finding[] {
  const short = door.clients.filter(({ kind, digits }) => kind === "code" && digits === 6);
  if (short.length === 0 || strayLimit(door.policy) > 0) return [];
  const what = `Max_Strays is 0: a port scan can guess the six-digit codes of ${names(short)}`;
  return [
    atLine({ config, of: door, directive: "clients" }, "clients", what, "Remove Max_Strays = 0, or use eight digits."),
  ];
}

/** A code's ports are random: one of them could also be a knock of the sequence. */
function shared(config: Config, door: Door): Finding[] {
  const clashing = door.clients.filter((client) =>
    config.doors.some(({ sequence }) =>
      sequence.some(({ protocol, port }) => protocol === client.protocol && isIn(client, port)),
    ),
  );
  if (clashing.length === 0) return [];
  const what = `a knock of a sequence is in the blocks of ${names(clashing)}`;
  return [atLine({ config, of: door, directive: "clients" }, "clients", what, "Choose other ports for the sequence.")];
}

function inUse({ clientsFile: file, target }: Door, client: Client, { listening }: Ports): Finding[] {
  const used = target === undefined ? listening?.[client.protocol].filter((port) => isIn(client, port)) : [];
  if (used === undefined || used.length === 0) return [];
  const what = `a program of this host listens in a block of client ${client.name}: clients of that program would knock without knowing it`;
  const hint = "Add the client again: knockctl chooses blocks that no program uses.";
  return [atPlace({ lint: "port-in-use", file: file!, line: client.line, what, hint })];
}

/** An observer of one client's code could use it again as the other client's. Keys differ by the client's name. */
function copied(doors: readonly Door[]): Finding[] {
  const firsts = new Map<string, Client>();
  return doors.flatMap(({ clients, clientsFile }) =>
    clients.flatMap((client) => {
      if (client.kind === "key") return [];
      const id = `${client.kind} ${client.secret.fingerprint}`;
      const first = firsts.get(id);
      if (first === undefined) {
        firsts.set(id, client);
        return [];
      }
      const what = `client ${client.name} has the same secret as ${first.name}: a code of one would count again for the other`;
      const hint = "Give each client a secret of its own: knockctl client add";
      return [atPlace({ lint: "clients", file: clientsFile!, line: client.line, what, hint })];
    }),
  );
}

function unset(config: Config, doors: readonly Door[], isClockSet: () => boolean | undefined): Finding[] {
  const door = doors.find(({ clients }) => clients.some(({ kind }) => kind !== "list"));
  if (door === undefined || isClockSet() !== false) return [];
  const hasSpare = doors.some(({ clients }) => clients.some(({ kind }) => kind === "list"));
  const what = "the clock of this host is not synchronised, and codes depend on the time";
  const hint = `Run: timedatectl set-ntp true${hasSpare ? "" : ". Keep a client of kind list as a spare: it needs no clock"}`;
  return [atLine({ config, of: door, directive: "clients" }, "clock", what, hint)];
}

function isIn(client: Client, port: number): boolean {
  const size = blockSize(client);
  return client.blocks.some((first) => port >= first && port < first + size);
}

function names(clients: readonly Client[]): string {
  return clients.map(({ name }) => name).join(", ");
}
