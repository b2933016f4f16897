// The state of one interface that the config asks for, and the addresses of this host that none of them has.

export interface InterfaceStatus {
  /** Its name, or a pattern such as `ppp*` that matches no interface now. */
  readonly interface: string;
  /** `waiting`: the interface is missing, down or without an address. */
  readonly state: "hears" | "deaf" | "waiting";
  readonly addresses: readonly string[];
  /** The number of knocks that the self-test tried, counting each address. */
  readonly tried: number;
  /** Why no packet can be captured there. */
  readonly why?: string;
}

/** The addresses of an interface that no door covers. */
export interface UncoveredAddresses {
  readonly interface: string;
  readonly addresses: readonly string[];
}
