// Checks whether the kernel has what the config needs: our own table, or the user's two sets. Each error says what to do.

import type { Door } from "../config/door.ts";
import type { FirewallMode, FirewallOptions } from "../config/opening.ts";
import type { OpenElement, OpenSet } from "./element.ts";
import { FirewallError, refusal } from "./firewall-error.ts";
import { KernelError, type KernelTables } from "./kernel-tables.ts";
import { INET, isBuiltIn, TABLE_NAME, type UserSets } from "./layout.ts";
import { FAMILIES, KEY_TYPE, SET_FLAGS } from "./nftables.ts";
import type { ThereIs } from "./ruleset.ts";
import { configInComment, configOf } from "./table-comment.ts";
import { GUARDED } from "./table-sets.ts";

/** In a set without ranges, each port of a range is an element. An opening has at most this many. */
const MAX_PORTS_ONE_BY_ONE = 256;

/** Our table as the kernel has it. */
export interface OwnTable extends ThereIs {
  readonly elements: readonly OpenElement[];
}

/** Undefined if there is no table. Throws FirewallError if it is not ours, or belongs to another config. */
export function ownTable(kernel: KernelTables, config: string): OwnTable | undefined {
  return refusing("the table `inet knockd` can't be read", () => {
    const table = kernel.table(INET, TABLE_NAME);
    if (table === undefined) return undefined;
    if (table.owner !== undefined && table.owner !== kernel.port)
      throw new FirewallError(
        "firewall: the table `inet knockd` belongs to another process\nIs another knockd running? One of them opens doors without a command.",
      );
    const served = configOf(table.comment);
    if (served === undefined)
      throw new FirewallError(
        "firewall: there is a table `inet knockd` that this knockd did not make\nTo remove it: nft delete table inet knockd",
      );
    refuseOther(served, config);
    const names = kernel.sets(INET, TABLE_NAME).map(({ name }) => name);
    return {
      sets: new Set(names),
      guarded: names.includes(GUARDED) ? kernel.ports(INET, TABLE_NAME, GUARDED) : [],
      elements: names.flatMap((name) => {
        const set = ownSet(name);
        return set === undefined ? [] : kernel.elements(set);
      }),
    };
  });
}

/** Has the table a set of the ports that it closes? Only one of mode `gate` has. */
export function hasSetsFor({ sets }: OwnTable, { kind }: FirewallMode): boolean {
  return sets.has(GUARDED) === (kind === "gate");
}

/** Throws FirewallError if the table serves another config, whose doors would close. */
export function refuseOther(served: string, config: string): void {
  if (served === configInComment(config)) return;
  throw new FirewallError(
    `firewall: the table \`inet knockd\` serves the doors of ${served}, not those of ${config}\nPut all doors with \`open\` into one config. If that config is no longer used: knockctl gate open`,
  );
}

/** The set with this name in our table, if it holds open elements: `open4`, `ranges6_64`. */
function ownSet(name: string): OpenSet | undefined {
  const [, kind, family, prefix = "128"] = /^(open|ranges)([46])(?:_(\d+))?$/.exec(name) ?? [];
  if (kind === undefined) return undefined;
  return {
    tableFamily: INET,
    table: TABLE_NAME,
    set: name,
    family: family === "4" ? 4 : 6,
    isInterval: kind === "ranges",
    prefix: Number(prefix),
  };
}

/** Checks the user's sets in mode `set`. Undefined in other modes. Throws FirewallError. */
export function userSetsOf(
  kernel: KernelTables,
  doors: readonly Door[],
  { mode }: FirewallOptions,
): UserSets | undefined {
  if (mode.kind !== "set") return undefined;
  return refusing("the sets of `Firewall` can't be read", () => ({
    isInterval4: isIntervalSet(kernel, mode, 4, doors),
    isInterval6: isIntervalSet(kernel, mode, 6, doors),
  }));
}

function isIntervalSet(
  kernel: KernelTables,
  mode: FirewallMode & { readonly kind: "set" },
  family: 4 | 6,
  doors: readonly Door[],
): boolean {
  const name = family === 4 ? mode.set4 : mode.set6;
  const full = `${mode.family} ${mode.table} ${name}`;
  const type = `ipv${family}_addr . inet_proto . inet_service`;
  const advice = `To add it: nft add set ${full} '{ type ${type}; flags timeout; }'`;
  const set = kernel.set(FAMILIES[mode.family]!, mode.table, name);
  if (set === undefined) throw new FirewallError(`firewall: there is no set \`${full}\`\n${advice}`);
  const [keyType, keyLength] = family === 4 ? [KEY_TYPE.ipv4Port, 12] : [KEY_TYPE.ipv6Port, 24];
  if (set.keyType !== keyType || set.keyLength !== keyLength)
    throw new FirewallError(`firewall: the set \`${full}\` has another key than \`${type}\`\n${advice}`);
  if ((set.flags & SET_FLAGS.timeout) === 0)
    throw new FirewallError(`firewall: the set \`${full}\` has no timeouts\nGive it \`flags timeout;\`.`);
  const isInterval = (set.flags & SET_FLAGS.interval) !== 0;
  const widest = isInterval ? undefined : doors.find((door) => portCount(door) > MAX_PORTS_ONE_BY_ONE);
  if (widest !== undefined)
    throw new FirewallError(
      `firewall: "${widest.name}" opens too many ports (${portCount(widest)}) for the set \`${full}\`, which has no ranges\nGive it \`flags interval, timeout;\`.`,
    );
  const network = isInterval || family === 4 ? undefined : doors.find((door) => (door.opening?.prefix6 ?? 128) < 128);
  if (network !== undefined)
    throw new FirewallError(
      `firewall: "${network.name}" lets IPv6 networks in, and the set \`${full}\` has no ranges\nGive it \`flags interval, timeout;\`, or leave Open_Prefix_6 out.`,
    );
  return isInterval;
}

function portCount(door: Door): number {
  return isBuiltIn(door) ? door.opening.ports.reduce((sum, { low, high }) => sum + high - low + 1, 0) : 0;
}

function refusing<T>(what: string, ask: () => T): T {
  try {
    return ask();
  } catch (error) {
    if (error instanceof KernelError) throw refusal(what, error.errno);
    throw error;
  }
}
