// For how long an answer waits for the work that it reports.

/** The work goes on after that time. socket.ts disconnects the client a little later. */
const LONGEST_WAIT_MS = 8000;

/** Undefined if it takes too long. */
export async function inTime<T>(work: Promise<T>): Promise<T | undefined> {
  let limit: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => {
    limit = setTimeout(() => resolve(undefined), LONGEST_WAIT_MS);
  });
  const first = await Promise.race([work, late]);
  clearTimeout(limit);
  return first;
}
