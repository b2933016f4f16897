// How well one interface that the user asked for is heard.

export interface InterfaceStatus {
  /** Its name; or the word that means none now, like `ppp*`. */
  readonly interface: string;
  /** `waiting`: nothing can be heard there yet, and that is no fault of ours. */
  readonly state: "hears" | "deaf" | "waiting";
  readonly addresses: readonly string[];
  /** Knocks that the self-test has tried, each at each address. */
  readonly tried: number;
  /** Why it does not hear. */
  readonly why?: string;
}
