// The answers of doors/ to knockctl.

/** An open door, for people. */
export interface OpenDoorInfo {
  readonly door: string;
  readonly ip: string;
  /** Seconds until it is closed; undefined while it is being opened or closed. */
  readonly left: number | undefined;
  /** It is closed only by hand. */
  readonly staysOpen?: boolean;
  /** Of a door without a command: how many packets have come in by it. Of a TCP port, attempts to connect. */
  readonly uses?: number;
}

/** The request was refused, and why. */
export interface DoorRefusal {
  readonly refused: string;
}

/** The first command status other than 0, or 0. Undefined if a command could not be started. */
export type CommandOutcome = { readonly status: number | undefined } | DoorRefusal;

export const NOT_OPEN: DoorRefusal = { refused: "it is not open, as far as knockd knows" };

export const STAYS_OPEN: DoorRefusal = { refused: "it stays open until it is closed" };

export const NO_COMMAND: DoorRefusal = { refused: "it has no start command" };
