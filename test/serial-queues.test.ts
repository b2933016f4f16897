import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { SerialQueues } from "../src/doors/serial-queues.ts";

/** A task that ends when the test says so. */
function piece(log: string[], name: string): { readonly work: () => Promise<void>; readonly end: () => void } {
  let end = () => {};
  const ended = new Promise<void>((resolve) => (end = resolve));
  const work = () => {
    log.push(name);
    return ended;
  };
  return { work, end: () => end() };
}
const turn = () => new Promise(setImmediate);

describe("serial queues", () => {
  it("begin immediately if nothing runs, and otherwise when the work before has ended", async () => {
    const [queues, log] = [new SerialQueues(), [] as string[]];
    const [first, second, other] = ["first", "second", "other"].map((name) => piece(log, name));
    queues.enqueue("a", first!.work);
    queues.enqueue("a", second!.work);
    queues.enqueue("b", other!.work);
    assert.deepEqual(log, ["first", "other"]);
    first!.end();
    await turn();
    assert.deepEqual(log, ["first", "other", "second"]);
  });

  it("are drained when everything has ended, including what was added meanwhile", async () => {
    const [queues, log] = [new SerialQueues(), [] as string[]];
    const [first, second] = ["first", "second"].map((name) => piece(log, name));
    queues.enqueue("a", first!.work);
    let isDrained = false;
    void queues.drain().then(() => (isDrained = true));
    queues.enqueue("a", second!.work);
    first!.end();
    await turn();
    assert.equal(isDrained, false);
    second!.end();
    await turn();
    assert.equal(isDrained, true);
  });

  it("are drained while slow work continues", async () => {
    const [queues, log] = [new SerialQueues(), [] as string[]];
    const { work, end } = piece(log, "long");
    queues.enqueue("a", work);
    queues.setLong("a", true);
    await queues.drain();
    queues.setLong("a", false);
    let isDrained = false;
    void queues.drain().then(() => (isDrained = true));
    await turn();
    assert.equal(isDrained, false);
    end();
    await turn();
    assert.equal(isDrained, true);
  });
});
