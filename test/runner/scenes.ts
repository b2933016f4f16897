// How much generated tests try. CI repeats the same many scenes; everyone else tries fewer, and others each time.
const { CI, TEST_SEED } = process.env;

export const ALL_SCENES = 1500;
export const SCENES = CI ? ALL_SCENES : 200;

/** Of one run of tests: the runner hands it on to each file. */
export const SEED = Number(TEST_SEED ?? (CI ? 4438 : Date.now() & 0x7fff_ffff));
