// What happens at a door after its opening was decided, as plain values: doors/ and runner/ report them, log/ renders them.

import type { Address } from "../net/address.ts";

/** `door` is the name; `knocker` is the client for whom the door was opened. */
export type DoorEvent = { readonly door: string; readonly knocker: Address } & (
  | { readonly type: "command started"; readonly command: string }
  /** It could not be started: out of processes or memory, or the command is too long. */
  | { readonly type: "command not started"; readonly reason: string }
  | { readonly type: "command failed"; readonly status: number }
  /** What a failed command wrote on standard error. */
  | { readonly type: "command stderr"; readonly text: string }
  /** It has run for this many seconds, and others no longer wait for it. */
  | { readonly type: "command takes long"; readonly seconds: number }
  /** It has run for Command_Timeout seconds and is being killed. */
  | { readonly type: "command killed"; readonly seconds: number }
  /** A start (`opened`) or stop (`closed`) command has ended; `status` undefined: it could not be started. */
  | { readonly type: "command ended"; readonly what: "opened" | "closed"; readonly status: number | undefined }
  /** cmd_timeout is over: the stop command runs next. */
  | { readonly type: "closing" }
  /** The kernel has let the client in, or lets it in for longer. Seconds undefined: until it is closed by hand. */
  | { readonly type: "opened" | "extended"; readonly ports: string; readonly seconds: number | undefined }
  /** The kernel has not let the client in. */
  | { readonly type: "not opened"; readonly ports: string; readonly reason: string }
  /** What the kernel had opened is closed. */
  | { readonly type: "closed" }
  | { readonly type: "opened by hand" }
  | { readonly type: "closed by hand" }
  | { readonly type: "extended by hand"; readonly seconds: number }
  /** The door opened this often for this client; further knocks only extend the time. */
  | { readonly type: "opened often"; readonly times: number }
  /** Openings of a flood, `count` since this was last reported: `waiting` openings wait, `open` doors are open. */
  | { readonly type: "merged" | "refused"; readonly waiting: number; readonly count: number }
  | { readonly type: "full"; readonly open: number; readonly count: number }
);

/** Events of no single client. */
export type DoorNotice =
  /** A code of a list opens nothing while knockd cannot record that it was used. */
  | { readonly type: "code not kept"; readonly door: string; readonly client: string }
  | { readonly type: "clients trouble"; readonly reason: string }
  /** The number of doors that an earlier daemon left open. */
  | { readonly type: "left open"; readonly doors: number }
  /** The number of stop commands that are left to the next start. */
  | { readonly type: "left to next start"; readonly commands: number }
  /** A command still runs when the daemon ends. `idleSeconds`: how long none has ended. */
  | { readonly type: "command abandoned"; readonly idleSeconds: number | undefined }
  | { readonly type: "ledger trouble"; readonly reason: string }
  /** The firewall's table had been removed, and was built again with `open` open doors. */
  | { readonly type: "firewall rebuilt"; readonly open: number }
  /** By hand: everyone gets in, or again only clients that have knocked. */
  | { readonly type: "gate opened" | "gate closed" }
  | { readonly type: "firewall not closed"; readonly reason: string }
  | { readonly type: "firewall gone"; readonly reason: string }
  /** The gate record could not be written. */
  | { readonly type: "gate not recorded"; readonly reason: string }
  /** The config needs no table, and the one of an earlier daemon could not be removed. */
  | { readonly type: "old table stays"; readonly reason: string }
  /** The config is an empty file: what the gate closes stays closed. */
  | { readonly type: "gate kept" }
  | { readonly type: "no locks"; readonly reason: string }
  | { readonly type: "sequences used up"; readonly door: string }
  | { readonly type: "sequences file warning"; readonly door: string; readonly reason: string }
  /** It was marked as used, but after a power cut it may be accepted again. */
  | { readonly type: "use not on disk"; readonly path: string; readonly reason: string }
  | { readonly type: "not struck out"; readonly door: string; readonly reason: string };
