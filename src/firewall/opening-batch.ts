// The batch that opens one door for one client. It is made before the first knock, and a knock only fills in the address.

import type { Address } from "../net/address.ts";
import { masked } from "../net/network.ts";
import { commentOf, type OpenElement, putAddress, writeElements } from "./element.ts";
import { type DoorPorts, elementsFor, type Layout, lastOf } from "./layout.ts";
import { FLAG, NetlinkWriter } from "./netlink.ts";

const ANY4: Address = { w0: 0, w1: 0, w2: 0xffff, w3: 0 };
const ANY6: Address = { w0: 0x20010db8, w1: 0, w2: 0, w3: 0 };

export class OpeningBatch {
  readonly #bytes: Uint8Array;
  readonly #keys: readonly number[];
  readonly #keyEnds: readonly number[];
  readonly #family: 4 | 6;
  /** The number of leading bits of the address that are let in. */
  readonly #prefix: number;
  /** Does the range end with the network's last address? Otherwise the rule compares only the prefix. */
  readonly #spansNetwork: boolean;

  /** Does another door open one of these ports, too? Then its element may exist already. */
  readonly isShared: boolean;

  constructor(layout: Layout, name: string, ports: DoorPorts, family: 4 | 6) {
    const left = ports.seconds === undefined ? undefined : ports.seconds * 1000;
    const element = { comment: commentOf(name), left, packets: 0, bytes: 0 };
    const elements: OpenElement[] = elementsFor(layout, ports, family === 4 ? ANY4 : ANY6, element);
    const w = new NetlinkWriter().beginBatch();
    writeElements(w, "add", elements, FLAG.create | FLAG.exclusive);
    this.#bytes = w.endBatch().bytes.slice();
    this.#keys = w.keys;
    this.#keyEnds = w.keyEnds;
    this.#family = family;
    const others = [...layout.doors].filter(([other]) => other !== name);
    this.isShared = others.some(([, { segments }]) =>
      segments.some(({ protocol, low }) => ports.segments.some((own) => own.protocol === protocol && own.low === low)),
    );
    this.#prefix = family === 6 ? ports.prefix6 : 128;
    this.#spansNetwork = layout.options.mode.kind === "set" && this.#prefix < 128;
  }

  /** The batch for this address. Valid until the next call. The kernel answers EEXIST if the door is open already. */
  for(address: Address): Uint8Array {
    const first = this.#prefix === 128 ? address : masked(address, this.#prefix);
    for (const at of this.#keys) putAddress(this.#bytes, at, this.#family, first);
    if (this.#keyEnds.length === 0) return this.#bytes;
    const last = this.#spansNetwork ? lastOf(first, this.#prefix) : first;
    for (const at of this.#keyEnds) putAddress(this.#bytes, at, this.#family, last);
    return this.#bytes;
  }
}
