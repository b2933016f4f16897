// Tests what knockctl check says of clients.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { readConfig } from "../src/config/read.ts";
import { lintClients } from "../src/lint/clients.ts";
import { read } from "../src/lint/config.ts";

const SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP";
const CODE = `[phone]\ndoor = ssh\nsecret = ${SECRET}\nports = 73,71,75\n`;
const LIST = `[paper]\ndoor = ssh\nkind = list\nsecret = ${SECRET}\nports = 41,43,45,40\n`;

describe("the findings about clients", () => {
  let dir: string;
  before(() => {
    dir = mkdtempSync(join(tmpdir(), "lint-"));
  });
  after(() => rmSync(dir, { recursive: true }));

  function config(clients: string, more = "", mode = 0o600): string {
    rmSync(join(dir, "clients"), { force: true });
    writeFileSync(join(dir, "clients"), clients, { mode });
    writeFileSync(join(dir, "knockd.conf"), `[ssh]\nClients = ${join(dir, "clients")}\n${more}`);
    return join(dir, "knockd.conf");
  }

  function found(
    clients: string,
    more = "",
    ports: { tcp?: number[]; udp?: number[] } = {},
    isSet?: boolean,
  ): string[] {
    const listening = { tcp: [], udp: [], ...ports };
    const ephemeral = { low: 32_768, high: 60_999 };
    return lintClients(readConfig(config(clients, more)), { listening, ephemeral }, () => isSet).map(({ text, hint }) =>
      `${text} | ${hint}`.replaceAll(dir, ""),
    );
  }

  it("are none if all is well", () => {
    assert.deepEqual(found(CODE, "command = x", { tcp: [22, 7400], udp: [7300] }, true), []);
    assert.deepEqual(found(CODE), [], "nobody can tell of the clock");
  });

  it("include a block in which a program listens, at the client's line", () => {
    assert.match(
      found(LIST + CODE, "", { tcp: [7355] }).join("\n"),
      /^\/clients:6: a program of this host listens in a block of client phone: /,
    );
  });

  it("include a secret of two clients, at the second one's line, unless their codes differ", () => {
    const copy = `[copy]\ndoor = ssh\nsecret = ${SECRET}\nports = 51,53,55\n`;
    assert.deepEqual(found(CODE + LIST + copy), [
      "/clients:10: client copy has the same secret as phone: a code of one would count again for the other | Give each client a secret of its own: knockctl client add",
    ]);
    assert.deepEqual(found(CODE + LIST), []);
    const key = (name: string) =>
      `[${name}]\ndoor = ssh\nkind = key\nsecret = ${"ab".repeat(32)}\nports = 8192,10240,12288,14336,16384\n`;
    assert.deepEqual(found(key("a") + key("b")), []);
  });

  it("include six digits without scan detection, but not eight", () => {
    assert.match(
      found(CODE, "Max_Strays = 0").join("\n"),
      /^\/knockd\.conf:2: \[ssh\] Max_Strays is 0: a port scan can guess the six-digit codes of phone/,
    );
    assert.deepEqual(found(`${CODE.replace("73,71,75", "73,71,75,77")}digits = 8\n`, "Max_Strays = 0"), []);
    assert.deepEqual(found(CODE, "Max_Strays = 0\nStrict = yes"), []);
  });

  it("include a clock that is not synchronised, unless all clients are lists or a list is a spare", () => {
    assert.match(
      found(CODE, "", {}, false).join("\n"),
      / the clock of this host is not synchronised, .*as a spare: it needs no clock$/,
    );
    assert.doesNotMatch(found(CODE + LIST, "", {}, false).join("\n"), /spare/);
    assert.deepEqual(found(LIST, "", {}, false), []);
  });

  it("include a knock of a sequence in a block", () => {
    assert.match(
      found(CODE, "[web]\nsequence = 9000,7301").join("\n"),
      /a knock of a sequence is in the blocks of phone/,
    );
    assert.deepEqual(found(CODE, "[web]\nsequence = 9000,7301:udp"), []);
  });

  it("include overlapping blocks and secrets that others can read, as errors of the config", () => {
    const errors = (file: string) =>
      read(file).findings.map(({ severity, what }) => `${severity}: ${what.replaceAll(dir, "")}`);
    const [overlap] = errors(config(CODE + CODE.replace("phone", "other")));
    assert.match(overlap!, /^error: \/clients:5: clients "phone" and "other" both use ports of 7300 to 7399$/);
    const [readable] = errors(config(CODE, "", 0o644));
    assert.match(readable!, /^error: \/clients: [Oo]ther users can read its secrets \(chmod 600\)$/);
  });
});
