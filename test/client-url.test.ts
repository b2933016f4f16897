import assert from "node:assert/strict";
import { test } from "node:test";
import { formatClientUrl, parseClientUrl } from "../src/codes/client-url.ts";
import { parseClients } from "../src/codes/clients-file.ts";

const FILE = `
[phone]
door = openSSH
secret = JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP
ports = 73,71,72
[old.phone]
door = my door/2?50%
digits = 8
secret = JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP
ports = 61,65,63,67
proto = udp
[laptop]
door = openSSH
kind = key
secret = 000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f
ports = 9216,3072,14336,17408,11264
bind = yes
[paper]
door = openSSH
kind = list
secret = JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP
ports = 21,25,23,27
`;
const clients = parseClients(FILE, "clients");

test("a client's line contains everything that its section does", () => {
  const [phone] = clients;
  assert.equal(
    formatClientUrl("host.example", phone!),
    "knockd-ng://host.example/openSSH?client=phone&kind=code&ports=73,71,72&secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP",
  );
});

test("an IPv6 address is put into brackets, and a door's name is encoded", () => {
  assert.match(formatClientUrl("fd77::1", clients[1]!), /^knockd-ng:\/\/\[fd77::1\]\/my%20door%2F2%3F50%25\?client=/);
});

for (const host of ["host.example", "fd77::1", "192.0.2.1"])
  for (const client of clients)
    test(`${client.name} at ${host} is parsed back unchanged`, () => {
      const { host: read, client: back, hasSecret } = parseClientUrl(formatClientUrl(host, client));
      assert.deepEqual([read, hasSecret], [host, true]);
      assert.deepEqual({ ...back, line: 0 }, { ...client, line: 0 });
      assert.deepEqual(back.secret.bytes, client.secret.bytes);
    });

test("the secret can be left out", () => {
  for (const client of clients) {
    const text = formatClientUrl("h", client, false);
    assert.doesNotMatch(text, /secret/);
    assert.equal(parseClientUrl(text).hasSecret, false);
  }
});

for (const [text, why] of [
  ["https://h/d?client=a", /knockd-ng:\/\/HOST\/DOOR/],
  ["knockd-ng:///d?client=a", /knockd-ng:\/\/HOST\/DOOR/],
  ["knockd-ng://h/d?client=a%20b&ports=11,12,13", /a client's name is/],
  ["knockd-ng://h/d?client=a&kind=x&ports=11,12,13", /"x" is not one of code, key, list/],
  ["knockd-ng://h/d?client=a&ports=11,12", /ports has 2 blocks, not 3/],
  ["knockd-ng://h/d?client=a&ports=11,12,13%0adoor%20=%20x", /control character/],
] as const)
  test(`${text} is refused`, () => assert.throws(() => parseClientUrl(text), { message: why }));
