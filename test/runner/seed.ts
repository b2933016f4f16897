// The seed and the number of scenes of generated tests. The runner loads this before each file with such tests, and
// prints the seed. fast-check prints it too when a property fails.
import fc from "fast-check";
import { SEED } from "./scenes.ts";

fc.configureGlobal({ ...fc.readConfigureGlobal(), seed: SEED });
