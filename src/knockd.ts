#!/usr/bin/env node
import "./platform/no-inspector.ts";
import { loadProgram } from "./platform/load-program.ts";

await loadProgram("knockd", () => import("./daemon/program.ts"));
