// Every story, replayed in memory. test/live/stories.test.ts knocks the same ones at the daemon and at Debian's knockd.
import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { readStory, replay } from "./story.ts";

const folder = join(fileURLToPath(new URL(".", import.meta.url)), "../../test/stories");

describe("stories in memory", () => {
  const files = readdirSync(folder).filter((file) => file.endsWith(".txt"));
  it("are there", () => assert.ok(files.length > 20, `${files.length} stories`));
  for (const file of files) {
    const story = readStory(join(folder, file));
    it(`${story.sentence} (${file})`, async () => {
      const { log, commands } = await replay(story, ["10.77.0.1", "fd77::1"]);
      assert.deepEqual({ log, commands }, story.expected);
    });
  }
});
