// Parses knockd's own lines about a door (log/messages.ts). Those of 0.8 are the same.

export type Knocked = "begun" | "opened" | "failed";

/** No door has a longer name. */
const MAX_NAME = 200;

export class KnockLine {
  // The result for the last line:
  door = "";
  what: Knocked = "begun";
  /** For a line that stands for many: their number and kind. 0 for other lines. */
  heldBack = 0;

  /** Reads `message`, bytes as Latin-1. Returns whether it is a line about a door. */
  read(message: string): boolean {
    this.heldBack = 0;
    const end = message.trimEnd();
    if (end.endsWith(": Stage 1")) return this.#of(end.slice(0, -9), "begun");
    if (end.endsWith(": OPEN SESAME")) return this.#of(end.slice(0, -13), "opened");
    if (end.endsWith(")") && end.includes(": sequence timeout (stage ")) {
      return this.#of(end.slice(0, end.lastIndexOf(": sequence timeout (stage ")), "failed");
    }
    const held = /^(\d{1,9}) similar lines?(?: not logged)? \((Stage 1|sequence timeout)\)$/.exec(end);
    if (held === null) return false;
    this.heldBack = Number(held[1]);
    this.what = held[2] === "Stage 1" ? "begun" : "failed";
    return true;
  }

  /** Reads `192.0.2.1: door` or, with -l, `192.0.2.1 (name): door`. */
  #of(text: string, what: Knocked): boolean {
    const colon = text.indexOf(": ");
    if (colon < 0 || colon + 2 === text.length || text.length - colon > MAX_NAME) return false;
    this.door = Buffer.from(text.slice(colon + 2), "latin1").toString("utf8");
    this.what = what;
    return true;
  }
}
