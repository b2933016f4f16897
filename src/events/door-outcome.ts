// What the doors answer when somebody asks by hand.

/** The same for people. */
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

/** Nothing was done, and why. */
export interface DoorRefusal {
  readonly refused: string;
}

/** The status of the command, the first that is not 0; undefined where one could not be started. */
export type CommandOutcome = { readonly status: number | undefined } | DoorRefusal;

export const NOT_OPEN: DoorRefusal = { refused: "it is not open, as far as knockd knows" };

export const STAYS_OPEN: DoorRefusal = { refused: "it stays open until it is closed" };

export const NO_COMMAND: DoorRefusal = { refused: "it has no start command" };
