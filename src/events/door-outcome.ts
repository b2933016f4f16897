// What the doors answer when somebody asks by hand.

/** The same for people. */
export interface OpenDoorInfo {
  readonly door: string;
  readonly ip: string;
  /** Seconds until it is closed; undefined while it is being opened or closed. */
  readonly left: number | undefined;
}

/** Nothing was done, and why. */
export interface DoorRefusal {
  readonly refused: string;
}

/** The status of the command, the first that is not 0; undefined where one could not be started. */
export type CommandOutcome = { readonly status: number | undefined } | DoorRefusal;

export const NOT_OPEN: DoorRefusal = { refused: "it is not open, as far as knockd knows" };

export const NO_COMMAND: DoorRefusal = { refused: "it has no start command" };
