/** Loaded before anything else (`node --import`), so that nothing of the rooms is there yet. */
import { instrumentAll } from "./hooks.ts";

instrumentAll();
