// Clients of each kind, for the tests of the credentials that a client is given.
import type { Client } from "../src/codes/client.ts";
import { parseClients } from "../src/codes/clients-file.ts";

const FILE = `[phone]
    door    = openSSH
    kind    = code
    secret  = GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ
    ports   = 73,71,72

# The old one.
[tablet]
    door    = openSSH
    kind    = code
    secret  = GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ
    ports   = 41,45,43,110
    digits  = 8
    proto   = udp
    from    = 192.0.2.0/24, fd77::/64
    hours   = Mon-Fri 08:00-18:00
    expires = 2027-03-31

[laptop]
    door    = ssh
    kind    = key
    secret  = 000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f
    ports   = 9216,3072,14336,17408,11264

[paper]
    door    = openSSH
    kind    = list
    secret  = GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ
    ports   = 21,25,23,27
`;

export const CLIENTS_FILE = FILE;
export const [PHONE, TABLET, LAPTOP, PAPER] = parseClients(FILE, "clients") as [Client, Client, Client, Client];
/** The time of the card: the window of docs/codes.md's test vectors. */
export const AT = 59_000_000 * 30_000 + 12_345;
