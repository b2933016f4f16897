// The numbers of nf_tables as far as they are used here (linux/netfilter/nf_tables.h): messages, attributes, flags.

export const MESSAGE = {
  newTable: 0,
  getTable: 1,
  delTable: 2,
  newChain: 3,
  delChain: 5,
  newRule: 6,
  delRule: 8,
  newSet: 9,
  getSet: 10,
  delSet: 11,
  newElement: 12,
  getElement: 13,
  delElement: 14,
} as const;

export const TABLE = { name: 1, flags: 2, userdata: 6, owner: 7 } as const;
export const CHAIN = { table: 1, name: 3, hook: 4, policy: 5, type: 7 } as const;
export const SET = {
  table: 1,
  name: 2,
  flags: 3,
  keyType: 4,
  keyLength: 5,
  description: 9,
  id: 10,
  userdata: 13,
  expression: 17,
} as const;
export const ELEMENTS = { table: 1, set: 2, elements: 3 } as const;
export const ELEMENT = {
  key: 1,
  flags: 3,
  timeout: 4,
  expiration: 5,
  userdata: 6,
  expression: 7,
  keyEnd: 10,
} as const;
export const LIST_ELEMENT = 1;
export const EXPRESSION = { name: 1, data: 2 } as const;
export const COUNTER = { bytes: 1, packets: 2 } as const;
export const DATA = { value: 1, verdict: 2 } as const;

/** Only its owner can change the table, and the table stays when the owner ends (Linux 6.9). */
export const TABLE_FLAGS = { owner: 2, persist: 4 } as const;
export const SET_FLAGS = { interval: 4, timeout: 0x10, concatenation: 0x80 } as const;
export const ELEMENT_FLAGS = { intervalEnd: 1 } as const;

/** NFPROTO_*. */
export const FAMILIES: Readonly<Record<string, number>> = { inet: 1, ip: 2, netdev: 5, bridge: 7, ip6: 10 };

/** The type of a key as `nft` encodes it: six bits for each part. */
const TYPE_IPV4 = 7;
const TYPE_IPV6 = 8;
const TYPE_PROTOCOL = 12;
const TYPE_PORT = 13;
export const KEY_TYPE = {
  ipv4: TYPE_IPV4,
  ipv6: TYPE_IPV6,
  port: (TYPE_PROTOCOL << 6) | TYPE_PORT,
  ipv4Port: (TYPE_IPV4 << 12) | (TYPE_PROTOCOL << 6) | TYPE_PORT,
  ipv6Port: (TYPE_IPV6 << 12) | (TYPE_PROTOCOL << 6) | TYPE_PORT,
} as const;

/** The type of a comment in the userdata of a table or an element: type, length, value. The kernel only stores it. */
export const COMMENT = 0;
