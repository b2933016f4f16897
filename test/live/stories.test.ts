// Sends every story as real frames to the daemon and to Debian's knockd 0.8, on one interface with one config. Where
// 0.8 behaves differently, the story says how, and 0.8 must do just that: the claims of docs/differences.md stay true.
import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { frame } from "../frame.ts";
import { readStory, type Story, type Told } from "../story.ts";
import { Daemon } from "./daemon.ts";
import { needsRoot, repo, Wire } from "./wire.ts";

const folder = join(repo, "test/stories");

describe("stories on the wire", { skip: needsRoot, concurrency: 4 }, () => {
  for (const file of readdirSync(folder).filter((name) => name.endsWith(".txt"))) {
    const story = readStory(join(folder, file));
    it(`${story.sentence} (${file})`, async () => {
      const { ours, judge } = await knock(story);
      assert.deepEqual(ours, { ...story.expected, errors: "" });
      assert.deepEqual(inAnyTurn(judge), inAnyTurn(story.of08 ?? story.expected), "Debian's knockd 0.8");
      if (story.of08) assert.notDeepEqual(inAnyTurn(story.of08), inAnyTurn(story.expected), "it is no difference");
    });
  }
});

async function knock(story: Story): Promise<{ ours: Told & { errors: string }; judge: Told }> {
  const wire = await Wire.open();
  try {
    const [ours, judge] = await Promise.all([
      Daemon.start(wire, "ours", story.config, undefined, { files: story.files }),
      Daemon.start(wire, "judge", story.config, undefined, { files: story.files }),
    ]);
    const begun = Date.now();
    await wire.send(story.packets.map((segment) => ({ at: segment.at, frame: frame(segment) })));
    await sleep(begun + story.end * 1000 - Date.now());
    // Packets under way may take a while on a busy machine. What must not happen had its time in the story.
    const { log, commands } = story.expected;
    await ours
      .waitFor(() => ours.lines().length >= log.length && ours.commands().length >= commands.length)
      .catch(() => {});
    const theirs = story.of08 ?? story.expected;
    await judge.waitFor(
      () => judge.lines().length >= theirs.log.length && judge.commands().length >= theirs.commands.length,
    );
    return {
      ours: { log: ours.lines(), commands: ours.commands(), errors: ours.stderr },
      judge: { log: judge.lines(), commands: judge.commands() },
    };
  } finally {
    await wire.close();
  }
}

/** 0.8 says "running command" from the command's own process: where that line comes among the others is the system's choice. */
function inAnyTurn({ log, commands }: Told): { events: string[]; running: string[]; commands: string[] } {
  const isRunning = (line: string) => line.includes(": running command: ");
  return {
    events: log.filter((line) => !isRunning(line)),
    running: log.filter(isRunning).sort(),
    commands: [...commands].sort(),
  };
}
