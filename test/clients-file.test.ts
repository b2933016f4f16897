import assert from "node:assert/strict";
import { chmodSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import fc from "fast-check";
import { groupsOf } from "../src/codes/client-checks.ts";
import { ClientsError } from "../src/codes/client-sections.ts";
import { parseClients, readClients } from "../src/codes/clients-file.ts";
import { digitPlaces, portsOf } from "../src/codes/derive.ts";

const SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP";
const KEY = Array.from({ length: 32 }, (_, i) => i.toString(16).padStart(2, "0")).join("");

const PHONE = `
[phone]
    door    = openSSH
    kind    = code                      # code | key | list
    secret  = ${SECRET}
    ports   = 73,71,72                  # hundreds
    proto   = tcp
    from    = 203.0.113.0/24, 2001:db8::/32
    hours   = Mon-Fri 08:00-18:00
    expires = 2027-03-31
`;
const key = (name: string, more = "") =>
  `[${name}]\ndoor = ssh\nkind = key\nsecret = ${KEY}\nports = 9216,3072,14336,17408,11264\n${more}`;
const code = (name: string, ports: string, more = "") =>
  `[${name}]\ndoor = ssh\nsecret = ${SECRET}\nports = ${ports}\n${more}`;

describe("the clients file", () => {
  it("reads a client of each kind", () => {
    const list = `[paper]\nDoor=openSSH\nkind=LIST\nsecret=${SECRET}\nports=41,40,43,42\nproto=udp\n`;
    const clients = parseClients(`# mine\n${PHONE}${key("laptop", "bind = yes\n")}${list}`, "clients");
    const said = clients.map(({ name, door, kind, blocks, protocol, digits, bind, line }) => ({
      ...{ name, door, kind, blocks, protocol, digits, bind, line },
    }));
    assert.deepEqual(said, [
      {
        name: "phone",
        door: "openSSH",
        kind: "code",
        blocks: [7300, 7100, 7200],
        protocol: "tcp",
        digits: 6,
        bind: false,
        line: 3,
      },
      {
        ...{ name: "laptop", door: "ssh", kind: "key", blocks: [9216, 3072, 14336, 17408, 11264], protocol: "tcp" },
        ...{ digits: 0, bind: true, line: 12 },
      },
      {
        name: "paper",
        door: "openSSH",
        kind: "list",
        blocks: [4100, 4000, 4300, 4200],
        protocol: "udp",
        digits: 8,
        bind: false,
        line: 18,
      },
    ]);
    const [phone, laptop] = clients;
    assert.equal(phone!.from.length, 2);
    assert.equal(phone!.hours!.text, "Mon-Fri 08:00-18:00");
    assert.equal(phone!.expires, "2027-03-31");
    assert.equal(phone!.secret.text("code"), SECRET);
    assert.equal(laptop!.secret.text("key"), KEY);
    assert.deepEqual(portsOf(phone!.blocks, digitPlaces(492039, 6)), [7349, 7120, 7239]);
  });

  it("never shows a secret in a log", () => {
    const clients = parseClients(PHONE + key("laptop"), "clients");
    assert.doesNotMatch(JSON.stringify(clients), new RegExp(`${SECRET}|${KEY}|0,1,2,3`));
  });

  const refused: [what: string, text: string, message: RegExp][] = [
    ["a directive before all clients", "door = x", /^f:1: all directives must belong to a client: "door"$/],
    ["a name with a blank", "[my phone]", /^f:1: a client's name is 1 to 32 of .*: "\[my phone\]"$/],
    ["a name of 33 letters", `[${"a".repeat(33)}]`, /a client's name/],
    [
      "the same name again",
      code("a", "71,73,75") + code("a", "81,83,85"),
      /^f:5: client "a" is already defined in line 1/,
    ],
    ["no door", "[a]\nports = 71,73,75", /^f:1: client "a" has no door/],
    ["no secret", "[a]\ndoor = x\nports = 71,73,75", /client "a" has no secret/],
    ["an unknown directive", "[a]\nsecrets = ABC", /^f:2: unknown directive of a client: "…"$/],
    ["a directive twice", "[a]\ndoor = x\ndoor = y", /^f:3: door is given twice: "door"$/],
    ["a kind of another word", "[a]\nkind = totp", /^f:2: "totp" is not one of code, key, list: "kind = totp"$/],
    ["a secret that is no base32", "[a]\ndoor = x\nsecret = 0189", /^f:3: the secret is not base32 .*: "secret = …"$/],
    ["a short secret", "[a]\ndoor = x\nsecret = ABCDEFGH", /the secret has 5 bytes, fewer than 10/],
    ["a short key", "[a]\ndoor = x\nkind = key\nsecret = abcd", /the secret of a key must be 64 hexadecimal digits/],
    ["two blocks", code("a", "71,73"), /ports has 2 blocks, not 3: "ports = 71,73"/],
    ["three blocks of eight digits", code("a", "71,73,75", "digits = 8"), /ports has 3 blocks, not 4/],
    ["a block twice", code("a", "71,73,71"), /ports names a block twice/],
    ["ports of system services", code("a", "0,73,71"), /"0" is not one of the hundreds 11 to 654/],
    ["ports above the last", code("a", "655,73,71"), /"655" is not one of the hundreds 11 to 654/],
    ["a key's block askew", key("a").replace("9216", "9217"), /"9217" is not a multiple of 1024/],
    ["seven digits", code("a", "71,73,75", "digits = 7"), /digits is 6 or 8, not "7"/],
    ["a list of six digits", code("a", "71,73,75", "kind = list\ndigits = 6"), /a list has 8 digits, not "6"/],
    ["a bound code", code("a", "71,73,75", "bind = yes"), /only a key can be bound to an address: "bind = yes"/],
    ["no network", code("a", "71,73,75", "from = 10.0.0.0/33"), /"10.0.0.0\/33" is not a network/],
    ["no hours", code("a", "71,73,75", "hours = always"), /"always" is not a range of hours/],
    ["a day that is none", code("a", "71,73,75", "expires = 2027-02-29"), /"2027-02-29" is not a date/],
    [
      "codes on the same ports",
      code("a", "71,73,75") + code("b", "81,75,83"),
      /^f:5: clients "a" and "b" both use ports of 7500 to 7599$/,
    ],
    [
      "a code within a key",
      key("laptop") + code("phone", "71,92,73"),
      /^f:6: clients "laptop" and "phone" both use ports of 9200 to 9299$/,
    ],
    [
      "keys of two doors on the same ports",
      key("a") + key("b").replace("ssh", "web"),
      /clients "a" and "b" both use ports of 9216/,
    ],
    [
      "keys in another order",
      key("a") + key("b").replace("9216,3072", "3072,9216"),
      /clients "a" and "b" both use ports of 3072/,
    ],
  ];
  for (const [what, text, message] of refused) {
    it(`refuses ${what}`, () => assert.throws(() => parseClients(text, "f"), { constructor: ClientsError, message }));
  }

  it("lets the key clients of a door share their ports, and lets TCP and UDP use the same ports", () => {
    assert.equal(
      parseClients(key("a") + key("b") + code("c", "71,73,75") + code("d", "71,73,75", "proto = udp"), "f").length,
      4,
    );
  });

  it("groups the key clients of a door, in any order of the file", () => {
    const udp = "proto = udp\n";
    const text = key("a") + key("b", udp) + code("x", "71,73,75") + key("c") + key("d", udp) + key("e");
    const names = groupsOf(parseClients(text, "f")).map((group) => group.map(({ name }) => name).join(""));
    assert.deepEqual(names, ["ace", "bd", "x"]);
  });

  it("never quotes a secret in a message", () => {
    const lines = fc.constantFrom(
      "[a]",
      "door = x",
      `secret = ${SECRET}`,
      `secret ${SECRET}`,
      SECRET,
      `secret = ${SECRET}!`,
      `${SECRET} = 1`,
      "kind = key",
      "ports = 1",
      // Truncated lines, and a secret after another directive.
      `kind = code secret = ${SECRET}`,
      ...["kind", "digits", "ports", "proto", "from", "hours", "expires", "bind"].map((word) => `${word} = ${SECRET}`),
      `from = ${KEY}`,
      `hours = ${SECRET.replace(/.{4}(?=.)/g, "$& ")}`,
    );
    fc.assert(
      fc.property(fc.array(lines), (text) => {
        try {
          parseClients(text.join("\n"), "f");
        } catch (error) {
          assert.ok(error instanceof ClientsError, `${error}`);
          const said = error.message.replaceAll(" ", "");
          assert.ok(!said.includes(SECRET) && !said.includes(KEY), error.message);
        }
      }),
      { numRuns: 2000 },
    );
  });

  it("throws nothing but ClientsError for any text", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        try {
          parseClients(text, "f");
        } catch (error) {
          assert.ok(error instanceof ClientsError);
        }
      }),
    );
  });
});

describe("the clients file on disk", () => {
  it("is refused if others can read or write it, or if it is a link to another place", (context) => {
    const dir = mkdtempSync(join(tmpdir(), "clients-"));
    context.after(() => rmSync(dir, { recursive: true }));
    const file = join(dir, "clients");
    writeFileSync(file, PHONE, { mode: 0o600 });
    assert.equal(readClients(file).length, 1);
    const refuses = (message: RegExp) => assert.throws(() => readClients(file), { constructor: ClientsError, message });
    for (const mode of [0o640, 0o604]) {
      chmodSync(file, mode);
      refuses(/clients: [Oo]ther users can read its secrets \(chmod 600\)$/);
    }
    chmodSync(file, 0o602);
    refuses(/clients: [Oo]ther users can write it$/);
    rmSync(file);
    refuses(/clients: No such file or directory$/);
    symlinkSync("/dev/zero", file);
    refuses(/[Nn]ot a regular file$/);
  });
});
