import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";
import { digitPlaces, hotp, keyPlaces, portsOf } from "../src/codes/derive.ts";
import { card, commandLine } from "../src/credentials/card.ts";
import { LAPTOP, PHONE, TABLET } from "./credentials.ts";

test("the card shows where the digits go", () => {
  assert.equal(
    card("host.example", PHONE),
    `knock host.example on  73·· 71·· 72··
Replace the dots with the six digits of the code, two for each port.
For example, code 49 20 39 means  7349 7120 7239`,
  );
  assert.equal(
    card("host.example", TABLET),
    `knock host.example by UDP on  41·· 45·· 43·· 110··
Replace the dots with the eight digits of the code, two for each port.
For example, code 49 20 39 17 means  4149 4520 4339 11017`,
  );
});

/** The ports to which the line would send, according to fake curl and nc programs that only print them. */
function portsOfLine(line: string, shell: string, environment: NodeJS.ProcessEnv = {}): number[] {
  const fake = `curl() { for word; do :; done; echo "\${word##*:}"; }; nc() { for word; do :; done; echo "$word"; }; sleep() { :; };`;
  const text = execFileSync(shell, ["-c", `${fake} ${line}`], {
    encoding: "utf8",
    env: { ...process.env, ...environment },
  });
  return text.trim().split("\n").map(Number).sort();
}

for (const shell of ["dash", "bash"]) {
  test(`the line for a code sends to its ports (${shell})`, () => {
    for (const client of [PHONE, TABLET]) {
      const code = hotp(client.secret.bytes, 59_000_000, client.digits);
      const text = String(code).padStart(client.digits, "0");
      const line = commandLine("127.0.0.1", client).replace(/echo \d+/, `echo ${text}`);
      assert.deepEqual(portsOfLine(line, shell), portsOf(client.blocks, digitPlaces(code, client.digits)).sort());
      assert.match(line, / & sleep 0\.2; done; wait$/, "no knock waits for the one before");
    }
  });

  test(`the line for a key computes its ports (${shell})`, () => {
    const line = commandLine("127.0.0.1", LAPTOP).replace("$(date +%s)", "1770000012");
    const K = Buffer.from(LAPTOP.secret.bytes).toString("hex");
    const places = keyPlaces(LAPTOP.secret.bytes, { door: "ssh", client: "laptop", counter: 59_000_000 });
    assert.deepEqual(portsOfLine(line, shell, { K }), portsOf(LAPTOP.blocks, places).sort());
  });
}
