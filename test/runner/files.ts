// Which test files belong to which run, and which of them must run alone.
export const RUNS = ["all", "lint", "unit", "boot"] as const;
export type Kind = (typeof RUNS)[number];

/** Files that measure times, memory or lost packets. Files that run beside them would be measured too. */
const ALONE = ["live/capture", "live/explain", "live/process", "live/scan", "live/siege"];

/**
 * Not in `test:unit`. The first four need a browser, a reader of QR codes or 0.8, which an ordinary user cannot install. The
 * others start knockctl for each of their cases: 9 to 19 s of processor time.
 */
const NOT_UNIT = ["report/page/page", "client-page", "qr", "knock", "report/report", "help"];

/**
 * Files that take a minute or more. They start first, so that none of them is still running when all others have
 * finished.
 */
const LONG = [
  ...["boot/init", "boot/takeover", "boot/unit"],
  ...[
    "live/init-faults",
    "live/replay",
    "live/memory",
    "live/ledger",
    "live/init",
    "live/knockctl",
    "report/page/page",
  ],
];

/** Tests of booted machines, and of the machine that only `npm run test:arm` has. */
const BOOT = /^(boot|howto)\//;
const ARM = /^arm\//;
const LIVE = /^live\//;

/** `files` are test files, named relative to test/ and without their extension. */
export function filesOf(kind: Kind, files: readonly string[]): string[] {
  const isMeant = (file: string) => {
    if (ARM.test(file) || kind === "lint") return false;
    if (kind === "boot") return BOOT.test(file);
    if (BOOT.test(file)) return false;
    return kind === "all" || !(LIVE.test(file) || NOT_UNIT.includes(file));
  };
  const turn = (file: string) => {
    if (LONG.includes(file)) return LONG.indexOf(file);
    return LONG.length + (LIVE.test(file) || NOT_UNIT.includes(file) ? 0 : 1);
  };
  return files.filter(isMeant).sort((a, b) => turn(a) - turn(b) || (a < b ? -1 : 1));
}

export const isAlone = (file: string): boolean => ALONE.includes(file);
