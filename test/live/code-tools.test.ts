// Tests that Debian's oathtool and the shell line of docs/codes.md derive the same codes as knockd.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { randomBytes, randomInt } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { it } from "node:test";
import { base32 } from "../../src/codes/base32.ts";
import { hotp, keyPlaces, portsOf } from "../../src/codes/derive.ts";
import { shellLine } from "../../src/codes/shell-line.ts";
import { needsRoot, repo } from "./wire.ts";

const BLOCKS = [9216, 3072, 14336, 17408, 11264];
const FIRST = 59_000_000;
/** The shell lines in docs/codes.md. */
const PAGE = /```text\n(t=.*?)```/s.exec(readFileSync(join(repo, "docs/codes.md"), "utf8"))![1]!.trimEnd();

// Without root nothing has been installed.
it("oathtool computes the same TOTP and HOTP", { skip: needsRoot }, () => {
  for (let round = 0; round < 10; round++) {
    const secret = randomBytes(10 + round);
    const counter = randomInt(2 ** 31);
    const digits = round % 2 === 0 ? 6 : 8;
    const oathtool = (...options: string[]) =>
      execFileSync("oathtool", ["-d", `${digits}`, "-w", "9", "-b", ...options, base32(secret)], { encoding: "utf8" });
    const ours = Array.from({ length: 10 }, (_, i) => String(hotp(secret, counter + i, digits)).padStart(digits, "0"));
    assert.deepEqual(
      oathtool("--totp", "-N", `@${counter * 30 + 29}`)
        .trim()
        .split("\n"),
      ours,
    );
    assert.deepEqual(oathtool("--hotp", "-c", `${counter}`).trim().split("\n"), ours);
  }
});

for (const [shell, times, door] of [
  ["dash", 1000, "ssh"],
  ["bash --norc", 200, "my ssh's door"],
  ["busybox sh", 200, "ssh"],
  ["busybox sh", 20, "docs/codes.md"],
] as const) {
  it(`the line for a shell knocks at the same ports: ${shell}, ${times} windows, ${door}`, { skip: needsRoot }, () => {
    const isPage = door === "docs/codes.md";
    const client = { door: isPage ? "ssh" : door, name: "laptop", blocks: BLOCKS };
    const secret = randomBytes(32);
    // Many windows, one after the other, in one process. curl only prints where it would have knocked.
    const text = isPage ? PAGE.replace("HOST", "192.0.2.1") : shellLine(client, "192.0.2.1");
    const line = text.replace("$(date +%s)", "$now");
    const knocks = `curl() { echo "\${4##*:}"; }; wait() { :; }; n=0; while [ $n -lt ${times} ]; do now=$(((${FIRST}+n)*30+29))
${line.replace("& shift", "; shift")}; n=$((n+1)); done`;
    const [program, ...options] = shell.split(" ");
    const env = { PATH: process.env.PATH, K: secret.toString("hex") };
    const said = execFileSync(program!, [...options, "-c", knocks], { encoding: "utf8", env })
      .trim()
      .split("\n");
    const ours = Array.from({ length: times }, (_, i) =>
      portsOf(BLOCKS, keyPlaces(secret, { door: client.door, client: client.name, counter: FIRST + i })),
    );
    assert.deepEqual(said.map(Number), ours.flat());
  });
}
