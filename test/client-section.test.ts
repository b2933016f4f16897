import assert from "node:assert/strict";
import { test } from "node:test";
import { parseClients } from "../src/codes/clients-file.ts";
import { clientSection, withoutSection, withSection } from "../src/credentials/client-section.ts";
import { CLIENTS_FILE, LAPTOP, PAPER, PHONE, TABLET } from "./credentials.ts";

const ALL = [PHONE, TABLET, LAPTOP, PAPER];
const plain = (clients: readonly object[]) => clients.map((client) => ({ ...client, line: 0 }));

test("a written section is read back as the same client", () => {
  let text = "";
  for (const client of ALL) text = withSection(text, clientSection(client));
  const read = parseClients(text, "clients");
  assert.deepEqual(plain(read), plain(ALL));
  for (const [i, client] of read.entries()) assert.deepEqual(client.secret.bytes, ALL[i]!.secret.bytes);
});

test("a section is written in a readable form", () => {
  assert.ok(CLIENTS_FILE.startsWith(clientSection(PHONE)));
});

test("a new section is added at the end", () => {
  assert.equal(withSection("# mine", "[a]\n"), "# mine\n\n[a]\n");
  assert.equal(withSection("[b]\n\n\n", "[a]\n"), "[b]\n\n[a]\n");
  assert.equal(withSection("", "[a]\n"), "[a]\n");
});

test("removing a client changes nothing else", () => {
  for (const client of ALL) {
    const left = withoutSection(CLIENTS_FILE, client.name)!;
    const others = ALL.filter((one) => one !== client);
    assert.deepEqual(plain(parseClients(left, "clients")), plain(others));
  }
  assert.match(withoutSection(CLIENTS_FILE, "phone")!, /^# The old one\.\n\[tablet\]/);
  assert.equal(withoutSection(CLIENTS_FILE, "nobody"), undefined);
  assert.equal(withoutSection("[a]\ndoor = b\n", "a"), "");
});
