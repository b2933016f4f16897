// Runs every story in memory. test/live/stories.test.ts sends those of stories/ to the daemon and to Debian's knockd;
// those of own-stories/ have directives that 0.8 refuses.
import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { readStory, replay } from "./story.ts";

const tests = join(fileURLToPath(new URL(".", import.meta.url)), "../../test");
const filesOf = (folder: string) =>
  readdirSync(join(tests, folder))
    .filter((file) => file.endsWith(".txt"))
    .map((file) => join(folder, file));

describe("stories in memory", () => {
  const files = [...filesOf("stories"), ...filesOf("own-stories")];
  it("exist", () => assert.ok(files.length > 20, `${files.length} stories`));
  for (const file of files) {
    const story = readStory(join(tests, file));
    it(`${story.sentence} (${file})`, async () => {
      const { log, commands } = await replay(story, ["10.77.0.1", "fd77::1"]);
      assert.deepEqual({ log, commands }, story.expected);
    });
  }
});
