// Tests what knock sends for a client's code, with the test vectors of docs/codes.md.
import assert from "node:assert/strict";
import { test } from "node:test";
import { codeKnocks, readClientUrl, untilNextCode } from "../src/knock/code-knock.ts";

const WINDOW = 59_000_000;
const AT = WINDOW * 30_000 + 12_345;
const KEY = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
const laptop = (more = "") =>
  readClientUrl(`knockd-ng://h/ssh?client=laptop&kind=key&ports=9216,3072,14336,17408,11264${more}`, "here");
const phone = (more = "") => readClientUrl(`knockd-ng://h/ssh?client=phone&ports=73,71,72${more}`, "here");
const SECRET = "&secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"; // 12345678901234567890
const ports = (knocks: readonly { port: number }[]) => knocks.map(({ port }) => port);
const unbound = { address: undefined };

test("a key", () => {
  assert.deepEqual(ports(codeKnocks(laptop(`&secret=${KEY}`), unbound, AT)), [9246, 3190, 15233, 17863, 12065]);
});

test("an authenticator's code, computed or typed", () => {
  assert.deepEqual(ports(codeKnocks(phone(SECRET), unbound, AT)), [7356, 7110, 7209]);
  for (const code of ["561009", "561 009", "56-10-09"])
    assert.deepEqual(codeKnocks(phone(), { ...unbound, code }, 0), codeKnocks(phone(SECRET), unbound, AT));
  assert.ok(codeKnocks(phone(`${SECRET}&proto=udp`), unbound, AT).every(({ udp }) => udp));
});

test("a bound key needs the client's address, which changes the ports", () => {
  const bound = laptop(`&secret=${KEY}&bind=yes`);
  assert.throws(() => codeKnocks(bound, unbound, AT), /--source/);
  const [one, other] = ["192.0.2.1", "192.0.2.2"].map((address) => ports(codeKnocks(bound, { address }, AT)));
  assert.notDeepEqual(one, other);
});

test("a missing or wrong parameter is reported", () => {
  assert.throws(() => codeKnocks(phone(), unbound, AT), /the secret of phone is not stored here; type the code/);
  assert.throws(() => codeKnocks(phone(), { ...unbound, code: "12345" }, AT), /wanted 6 digits/);
  assert.throws(() => codeKnocks(laptop(), { ...unbound, code: "123456" }, AT), /a key has no code/);
  const paper = readClientUrl(`knockd-ng://h/d?client=p&kind=list&ports=31,35,33,37${SECRET}`, "here");
  assert.throws(() => codeKnocks(paper, unbound, AT), /on paper/);
});

test("the next code is valid from the next window on", () => {
  assert.equal(untilNextCode(AT), 30_000 - 12_345);
});
