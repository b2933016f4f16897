// The package knockd-report, which is knockctl report's own: without it knockd is whole, and says what is missing.
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, it } from "node:test";
import { repo } from "../live/wire.ts";
import { Machine, needsRoot, RELEASES } from "./machine.ts";
import { install, OURS } from "./scene.ts";

const REPORT = `/srv/${readdirSync(join(repo, "build/packages")).find((file) => /^knockd-report_.*_all\.deb$/.test(file))}`;

for (const release of RELEASES) {
  describe(`knockd-report on ${release}`, { skip: needsRoot }, () => {
    let machine: Machine;
    afterEach(() => machine.close());

    it("brings what knockctl report needs, and takes it away again", async () => {
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
