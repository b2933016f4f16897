// Tests packaging/release in a repository of its own, with packages that were built before.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { repo } from "./live/wire.ts";

const CHANGELOG = `# Changelog

## 1.2.3 (2026-11-29)

- New: a door.

- Mended: a hinge.

## 1.2.2 (2026-11-01)

- Old.
`;
const NOTES = "- New: a door.\n\n- Mended: a hinge.\n";
const DEBS = ["knockd_1.2.3-1_amd64.deb", "knockd_1.2.3-1+deb13_armhf.deb", "knockd-report_1.2.3-1_all.deb"];
const TARBALL = "knockd-ng-1.2.3.tgz";

const has = (program: string): boolean => spawnSync(program, ["-?"]).error === undefined;
const missing = ["git", "ssh-keygen"].filter((program) => !has(program)).join(" and ");

const skip = missing === "" || process.env.CI ? false : `${missing} is not installed`;

describe("npm run release", { skip }, () => {
  let dir: string;
  let made: string;
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), "release-"));
    made = join(dir, "build/made");
    mkdirSync(join(dir, "packaging/debian"), { recursive: true });
    mkdirSync(made, { recursive: true });
    cpSync(join(repo, "packaging/release"), join(dir, "packaging/release"));
    write("package.json", '{ "version": "1.2.3" }\n');
    write("CHANGELOG.md", CHANGELOG);
    write("packaging/debian/changelog", "knockd (1.2.3-1) unstable; urgency=medium\n");
    write(".gitignore", "build/\n");
    // The last one is of an older version.
    for (const file of [...DEBS, TARBALL, "knockd_1.2.2-1_amd64.deb"]) write(join("build/made", file), `${file}\n`);
    git("init", "--quiet");
    commit();
  });
  afterEach(() => rmSync(dir, { recursive: true }));

  function run(program: string, ...args: string[]) {
    const env = { ...process.env, HOME: dir, RELEASE_KEY: "", GIT_CONFIG_GLOBAL: "/dev/null" };
    return spawnSync(program, args, { cwd: dir, env, encoding: "utf8" });
  }
  function git(...args: string[]): string {
    const { status, stdout, stderr } = run("git", "-c", "user.name=A", "-c", "user.email=a@localhost", ...args);
    assert.equal(status, 0, stderr);
    return stdout;
  }
  function commit(): void {
    git("add", "--all");
    git("commit", "--quiet", "--allow-empty", "--message", "a change");
  }
  const write = (file: string, text: string) => writeFileSync(join(dir, file), text);
  const release = (...args: string[]) => run("sh", "packaging/release", "--made", made, ...args);
  const out = (file: string) => join(dir, "build/release/1.2.3", file);
  const read = (file: string) => readFileSync(out(file), "utf8");

  function assertRefused(why: RegExp, ...args: string[]): void {
    const { status, stderr } = release(...args);
    assert.equal(status, 1);
    assert.match(stderr, why);
    assert.equal(existsSync(out("")), false, "nothing is made");
    assert.equal(git("tag"), "");
  }

  it("collects the packages of this version, the notes and the checksums, and makes no tag", () => {
    const { status, stdout, stderr } = release();
    assert.deepEqual([status, stderr], [0, ""]);
    assert.match(stdout, /made no tag\. To publish:$/m);
    assert.match(stdout, /^3\. Upload the \.deb files, the \.tgz file, SHA256SUMS \(not signed: no --key\)\.$/m);
    assert.deepEqual(readdirSync(out("")).sort(), [...DEBS, TARBALL, "NOTES.md", "SHA256SUMS", "TAG.txt"].sort());
    assert.equal(read("NOTES.md"), NOTES);
    const sums = read("SHA256SUMS").trimEnd().split("\n");
    assert.deepEqual(sums.map((line) => line.replace(/^[0-9a-f]{64} {2}/, "")).sort(), [...DEBS, TARBALL].sort());
    assert.equal(git("tag"), "");
  });

  it("signs the checksums and the tag with a key", () => {
    const key = join(dir, "build/key");
    assert.equal(run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key).status, 0);
    git("config", "user.name", "A");
    git("config", "user.email", "a@localhost");
    const { status, stdout, stderr } = release("--key", key, "--tag");
    assert.equal(status, 0, stderr);
    assert.match(stdout, /made the tag v1\.2\.3\. To publish:$/m);
    assert.match(stdout, /^3\. Upload .* SHA256SUMS, SHA256SUMS\.sig and allowed_signers\.$/m);
    assert.match(read("SHA256SUMS.sig"), /^-----BEGIN SSH SIGNATURE-----/);
    assert.match(git("cat-file", "-p", "v1.2.3"), /knockd-ng 1\.2\.3\n\n- New: a door\.[\s\S]*BEGIN SSH SIGNATURE/);
    const verify = `ssh-keygen -Y verify -f allowed_signers -I release -n file -s SHA256SUMS.sig`;
    assert.equal(run("sh", "-c", `cd build/release/1.2.3 && ${verify} <SHA256SUMS`).status, 0);
    assert.notEqual(
      run("sh", "-c", `cd build/release/1.2.3 && echo x >>SHA256SUMS && ${verify} <SHA256SUMS`).status,
      0,
    );
  });

  it("prints the two remaining commands, which make the same tag", () => {
    git("config", "user.name", "A");
    git("config", "user.email", "a@localhost");
    const lines = /^ {2}git .*$/gm;
    const [tag, push, ...more] = release().stdout.match(lines)!;
    assert.deepEqual([push, more], ["  git push origin v1.2.3", []]);
    assert.equal(run("sh", "-c", tag!).status, 0);
    const byHand = git("for-each-ref", "--format=%(objecttype) %(*objectname)\n%(contents)", "refs/tags");
    assert.match(byHand, new RegExp(`^tag ${git("rev-parse", "HEAD")}knockd-ng 1\\.2\\.3\n\n- New: a door\\.`));
    assert.deepEqual(release().stdout.match(lines), ["  git push origin v1.2.3"], "built again at the tag");
    git("tag", "-d", "v1.2.3");
    assert.equal(release("--tag").status, 0);
    assert.equal(git("for-each-ref", "--format=%(objecttype) %(*objectname)\n%(contents)", "refs/tags"), byHand);
  });

  it("rehearses with an uncommitted tree, and tags nothing", () => {
    write("new", "");
    const { status, stdout, stderr } = release("--rehearsal");
    assert.deepEqual([status, stderr], [0, ""]);
    assert.match(stdout, /rehearsal$/m);
    assert.deepEqual([readdirSync(join(dir, "build/release")), git("tag")], [["rehearsal"], ""]);
    assertRefused(/rehearsal makes no tag/, "--rehearsal", "--tag");
  });

  it("leaves out the tarball on request", () => {
    rmSync(join(made, TARBALL));
    assert.equal(release("--without-npm").status, 0);
    assert.equal(read("SHA256SUMS").includes("tgz"), false);
  });

  it("refuses uncommitted changes", () => {
    write("new", "");
    assertRefused(/not committed/);
  });

  it("refuses a version that is missing in the two changelogs", () => {
    write("package.json", '{ "version": "1.2.4" }\n');
    commit();
    assertRefused(/package.json has version 1\.2\.4, and packaging\/debian\/changelog has 1\.2\.3-1/);
    write("packaging/debian/changelog", "knockd (1.2.4-1) unstable; urgency=medium\n");
    commit();
    assertRefused(/CHANGELOG.md has no section "## 1\.2\.4 \(DATE\)"/);
  });

  it("refuses to tag a version without a date, or twice", () => {
    write("CHANGELOG.md", CHANGELOG.replace("(2026-11-29)", "(not released)"));
    commit();
    assertRefused(/gives 1\.2\.3 no date/, "--tag");
    assert.equal(release().status, 0, "it may be tried without a tag");
    write("CHANGELOG.md", CHANGELOG);
    commit();
    git("tag", "v1.2.3");
    const twice = release("--tag");
    assert.equal(twice.status, 1);
    assert.match(twice.stderr, /v1\.2\.3 exists already/);
    commit();
    const elsewhere = release();
    assert.equal(elsewhere.status, 1);
    assert.match(elsewhere.stderr, /v1\.2\.3 is at another commit/);
  });

  it("refuses a missing key, and an unknown option", () => {
    assertRefused(/build\/none cannot be read/, "--key", "build/none");
    assertRefused(/unknown option --sign/, "--sign");
  });

  it("makes no tag if packages are missing", () => {
    for (const file of DEBS) rmSync(join(made, file));
    const { status, stderr } = release("--tag");
    assert.equal(status, 1);
    assert.match(stderr, /no package of 1\.2\.3/);
    assert.equal(git("tag"), "");
  });
});
