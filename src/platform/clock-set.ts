import { execFileSync } from "node:child_process";

const PATIENCE_MS = 2000;

/** Does somebody keep the clock of this host right? Undefined where systemd cannot tell. */
export function isClockSet(): boolean | undefined {
  try {
    const said = execFileSync("timedatectl", ["show", "--property=NTPSynchronized", "--value"], {
      encoding: "utf8",
      timeout: PATIENCE_MS,
      stdio: ["ignore", "pipe", "ignore"],
    }).trim();
    return said === "yes" ? true : said === "no" ? false : undefined;
  } catch {
    return undefined;
  }
}
