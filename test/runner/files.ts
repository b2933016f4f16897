// Which test files belong to which run, and which of them need the machine for themselves.
export const RUNS = ["all", "lint", "unit", "boot"] as const;
export type Kind = (typeof RUNS)[number];

/** Files that measure times, memory or lost packets: beside another file they would measure that one too. */
const ALONE = ["live/memory", "live/process", "live/scan", "live/siege", "live/socket-abuse", "live/capture"];

/** These need a browser or 0.8. */
const NOT_UNIT = ["report/page/page", "knock"];

/** Machines that are booted, and the machine that only `npm run test:arm` has. */
const BOOT = /^(boot|howto)\//;
const ARM = /^arm\//;
const LIVE = /^live\//;

/** `files` are test files, named from test/ without their ending. Long ones come first: at the end no processor waits. */
export function filesOf(kind: Kind, files: readonly string[]): string[] {
  const isMeant = (file: string) => {
    if (ARM.test(file) || kind === "lint") return false;
    if (kind === "boot") return BOOT.test(file);
    if (BOOT.test(file)) return false;
    return kind === "all" || !(LIVE.test(file) || NOT_UNIT.includes(file));
  };
  const last = (file: string) => (LIVE.test(file) || NOT_UNIT.includes(file) ? 0 : 1);
  return files.filter(isMeant).sort((a, b) => last(a) - last(b) || (a < b ? -1 : 1));
}

export const isAlone = (file: string): boolean => ALONE.includes(file);
