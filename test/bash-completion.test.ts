// Tests what bash completes after knockctl, with packaging/completion.bash.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { describe, it } from "node:test";
import { repo } from "./live/wire.ts";

// Fakes for bash-completion's functions and for a daemon.
const BASH = `
_init_completion() { words=("\${COMP_WORDS[@]}") cword=$COMP_CWORD cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD - 1]}; }
_filedir() { COMPREPLY=(FILES); }
knockctl() { printf '%s\\n' "$ANSWER"; }
. "$FILE"
COMP_WORDS=(knockctl "$@") COMP_CWORD=$# COMPREPLY=()
_knockctl
printf '%s\\n' "\${COMPREPLY[@]}"
`;
const ANSWER = ["openSSH", "open sesame", "$(exit 9)", "other"]
  .map((door) => JSON.stringify({ version: 1, type: "door", door, oneTime: false }))
  .join("\n");

function complete(...words: string[]): string[] {
  const env = { ...process.env, FILE: join(repo, "packaging/completion.bash"), ANSWER };
  const text = execFileSync("bash", ["-c", BASH, "bash", ...words], { env, encoding: "utf8" });
  return text.split("\n").filter((line) => line !== "");
}

describe("bash completes after knockctl", () => {
  it("each command", () => {
    const help = execFileSync(process.execPath, [join(repo, "dist/src/knockctl.js"), "--help"], { encoding: "utf8" });
    const commands = [...help.matchAll(/^ {2}([a-z][a-z-]*) {2,}\S/gm)].map(([, name]) => name!);
    assert.ok(commands.includes("status"));
    assert.deepEqual(complete("").sort(), commands.sort());
    assert.deepEqual(complete("st"), ["status"]);
  });

  it("the existing doors, each as one word, without evaluating a door's name", () => {
    for (const command of ["open", "close", "extend"]) {
      assert.deepEqual(complete(command, ""), ["openSSH", "open\\ sesame", "\\$\\(exit\\ 9\\)", "other"]);
      assert.deepEqual(complete(command, "openS"), ["openSSH"]);
    }
    assert.ok(!complete("status", "").includes("openSSH"));
  });

  it("every option in a command's --help", () => {
    for (const command of complete("")) {
      const help = execFileSync(process.execPath, [join(repo, "dist/src/knockctl.js"), command, "--help"], {
        encoding: "utf8",
      });
      const options = [...help.matchAll(/^ {2}(?:-\w, )?(--[a-z-]+)/gm)].map(([, option]) => option!);
      assert.ok(options.includes("--help"), help);
      assert.deepEqual(
        options.filter((option) => !complete(command, "--").includes(option)),
        [],
        command,
      );
    }
  });

  it("options, and files where an option takes a file", () => {
    assert.ok(complete("status", "--").includes("--secrets"));
    assert.ok(!complete("watch", "--").includes("--secrets"));
    assert.ok(complete("metrics", "--").includes("--output"));
    for (const option of ["-c", "--config", "-o"]) assert.deepEqual(complete("metrics", option, ""), ["FILES"]);
  });
});
