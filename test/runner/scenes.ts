// How many scenes generated tests try. CI always runs the same large number; other runs try fewer, and different ones
// each time.
const { CI, TEST_SEED } = process.env;

export const ALL_SCENES = 1500;
export const SCENES = CI ? ALL_SCENES : 200;

/** The seed of one test run. The runner passes it on to each file. */
export const SEED = Number(TEST_SEED ?? (CI ? 4438 : Date.now() & 0x7fff_ffff));
