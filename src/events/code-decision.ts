// What codes/ decides of a code, as plain values: attempts/ opens by them, log/ renders them.

/** After these milliseconds it opens. */
export interface Accepted {
  readonly result: "accepted";
  readonly client: string;
  readonly holdMs: number;
}

/** `client` is a name; of a wrong code or one that was not compared, the group's. */
export type CodeDecision =
  | Accepted
  /** Right, but two codes in a row are needed, and this is the first. */
  | { readonly result: "first"; readonly client: string }
  /** Another source claims the same code: neither gets in. */
  | { readonly result: "contested"; readonly client: string; readonly other: string }
  /** Used before by `other`, where that is known. */
  | { readonly result: "replay"; readonly client: string; readonly other: string | undefined }
  /** Used before by the same source. */
  | { readonly result: "repeat"; readonly client: string }
  /** The age of the code in seconds; negative if it is from the future. */
  | { readonly result: "clock"; readonly client: string; readonly seconds: number }
  | { readonly result: "refused"; readonly client: string; readonly why: CodeRefusal }
  /** Not compared with the keys that are bound to an address: a flood of guesses has used up the time for that. */
  | { readonly result: "busy"; readonly client: string }
  | { readonly result: "wrong"; readonly client: string; readonly count: number; readonly most: number };

/**
 * By the client's own `from`, `hours` or `expires`; or because the state was lost: `recent` codes for a minute, those of a
 * `list` until it is reset. `ahead`: a later code was used by a clock that was ahead, so none counts until a reset.
 */
export type CodeRefusal = "from" | "hours" | "expires" | "recent" | "list" | "ahead";
