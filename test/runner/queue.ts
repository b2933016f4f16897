// Runs jobs in parallel, and then, one after the other, those that must run alone.
export interface Job<T> {
  readonly isAlone: boolean;
  readonly run: () => Promise<T>;
}

export async function runAll<T>(jobs: readonly Job<T>[], sideBySide: number, done: (result: T) => void): Promise<void> {
  const workers = async (queue: Job<T>[], count: number) => {
    const work = async () => {
      for (let job = queue.shift(); job; job = queue.shift()) done(await job.run());
    };
    await Promise.all(Array.from({ length: count }, work));
  };
  await workers(
    jobs.filter(({ isAlone }) => !isAlone),
    sideBySide,
  );
  await workers(
    jobs.filter(({ isAlone }) => isAlone),
    1,
  );
}
