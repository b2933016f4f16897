// Tests the package knockd-report, which contains knockctl report. Without it, knockd works and says what is missing.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { afterEach, describe, it } from "node:test";
import { repo } from "../live/wire.ts";
import { Machine, needsRoot, RELEASED, RELEASES } from "./machine.ts";
import { install, OURS } from "./scene.ts";

const REPORT = `/srv/${readdirSync(RELEASED).find((file) => /^knockd-report_.*_all\.deb$/.test(file))}`;
const VERSION = JSON.parse(readFileSync(join(repo, "package.json"), "utf8")).version;

for (const release of RELEASES) {
  describe(`knockd-report on ${release}`, { skip: needsRoot }, () => {
    let machine: Machine;
    afterEach(() => machine.close());

    it("comes in a release with a correct signature and checksums, which lists every package", async () => {
      machine = await Machine.boot(release);
      const verify = ["-Y", "verify", "-f", "allowed_signers", "-I", "release", "-n", "file", "-s", "SHA256SUMS.sig"];
      const input = readFileSync(join(RELEASED, "SHA256SUMS"));
      const signature = spawnSync("ssh-keygen", verify, { cwd: RELEASED, input, encoding: "utf8" });
      assert.equal(signature.status, 0, signature.stderr);
      assert.match(
        await machine.ok("cd /srv && sha256sum --strict --check SHA256SUMS"),
        /^knockd_\S+_amd64\.deb: OK$/m,
      );
      for (const file of [OURS, REPORT]) assert.ok(input.includes(`  ${basename(file)}\n`), file);
      await install(machine, `${OURS} ${REPORT}`);
      assert.equal((await machine.ok("knockd -V")).split("\n")[0], `knockd ${VERSION} (knockd-ng)`);
      machine.append(OURS, "x");
      assert.equal((await machine.run("cd /srv && sha256sum --strict --check SHA256SUMS")).status, 1);
    });

    it("installs what knockctl report needs, and removes it again", async () => {
      machine = await Machine.boot(release);
      machine.write("srv/real.log", readFileSync(join(repo, "test/report/real.log"), "utf8"));
      const missing = {
        signal: null,
        status: 3,
        stdout: "",
        stderr:
          "knockctl: report needs the package knockd-report, which is built with knockd: sudo apt install ./knockd-report_*_all.deb\n",
      };
      const report = (format: string) => machine.run(`knockctl report --format ${format} /srv/real.log`);

      await install(machine, OURS);
      assert.deepEqual(await report("json"), missing);
      assert.equal((await machine.run("ls -d /usr/lib/knockd/node_modules /usr/lib/knockd/report")).stdout, "");

      await install(machine, REPORT);
      const { attempts, countries } = JSON.parse((await report("json")).stdout);
      assert.equal(attempts, 512);
      assert.ok(countries.length > 1, "it has its database");
      const page = (await report("html")).stdout;
      assert.ok((page.match(/ d="M/g)?.length ?? 0) > 2, "it has its outlines");
      for (const { code } of countries) if (code !== "") assert.ok(page.includes(`href="#country-${code}"`), code);

      await machine.ok("apt-get remove -y knockd-report");
      assert.deepEqual(await report("json"), missing);
      assert.equal((await machine.run("ls -d /usr/lib/knockd/node_modules /usr/lib/knockd/report")).stdout, "");
      assert.match(await machine.ok("knockd --version"), /knockd/);
    });
  });
}
