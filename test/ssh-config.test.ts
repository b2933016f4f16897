import assert from "node:assert/strict";
import { test } from "node:test";
import { sshConfig } from "../src/knock/ssh-config.ts";

test("ssh's own port needs no Port line", () => {
  assert.equal(
    sshConfig("home.example", ["home", "--verify", "22"], 22),
    `# Put these lines into ~/.ssh/config. ssh then knocks by itself.
Match host home.example exec "knock home --verify 22"
`,
  );
});

test("another port gets a Port line", () => {
  assert.match(sshConfig("home.example", ["home", "--verify", "2222"], 2222), /"\n {4}Port 2222\n$/);
});

test("what a shell or ssh would interpret is quoted", () => {
  assert.match(sshConfig("h", ["-f", "/my $file", "100%"], 22), /"knock -f '\/my \$file' '100%%'"/);
});

test("a file is named with its full path, because ssh runs in any directory", () => {
  const here = process.cwd();
  for (const option of ["-f ", "--file ", "--secret ", "-f", "--file=", "--secret="]) {
    const words = `${option}my.knock`.split(" ");
    assert.match(sshConfig("h", words, 22), new RegExp(`"knock ${option}${here}/my\\.knock"`), option);
  }
  assert.match(sshConfig("my.knock", ["-d", "200", "my.knock", "1"], 22), /"knock -d 200 my\.knock 1"/);
});
