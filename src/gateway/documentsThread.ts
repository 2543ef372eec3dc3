/**
 * Documents read, checked and tried out in a thread of their own: a running gateway goes on meanwhile, however long a policy is (RULINGS 33).
 * What comes back is plain data; only compiling, which is done in slices, is left to the caller.
 *
 * A thread starts with the file that this module is in. Where all is one file, that is the command line, which then imports this module.
 */
import { statSync } from "node:fs";
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import { UserProblems } from "#documents/problems";
import { compile } from "#policy/compile";
import { caseFilesBeside, type Documents, inSlices, loadDocuments, readDocuments, spacesOf } from "./documents.ts";

/** A document that keeps its reader busy for longer, or needs more memory, is refused. */
const PATIENCE_MS = 120_000;
const MOST_MEGABYTES = 1_024;

type Read = Omit<Documents, "compiled">;
type Told = { readonly read: Read } | { readonly problems: readonly string[] } | { readonly fault: string };

interface Task {
  readonly penstock: "documents";
  readonly siteFile: string;
  readonly policyFile: string;
}

/** Documents smaller than this are read before a thread has started: tens of milliseconds. */
const SMALL_OCTETS = 16 * 1024;

/**
 * As `loadDocuments`, and the caller's loop goes on however long the documents are.
 *
 * @throws UserProblems with every problem that was found, one line each
 */
export function loadDocumentsBeside(siteFile: string, policyFile: string): Promise<Documents> {
  return sizeOf(siteFile, policyFile) < SMALL_OCTETS ? loadDocuments(siteFile, policyFile) : loadDocumentsApart(siteFile, policyFile);
}

/** Octets of what a person has written; what is not there is told by whoever reads it. */
function sizeOf(siteFile: string, policyFile: string): number {
  try {
    return [siteFile, policyFile, ...caseFilesBeside(policyFile)].reduce((sum, file) => sum + statSync(file).size, 0);
  } catch {
    return 0;
  }
}

async function loadDocumentsApart(siteFile: string, policyFile: string): Promise<Documents> {
  const told = await ask({ penstock: "documents", siteFile, policyFile });
  if ("fault" in told) throw new Error(told.fault);
  if ("problems" in told) throw new UserProblems(told.problems);
  const { read } = told;
  const files = read.files.map(({ path, octets }) => ({ path, octets: Buffer.from(octets.buffer, octets.byteOffset, octets.length) }));
  return { ...read, files, compiled: await inSlices(compile(read.policy, spacesOf)) };
}

function ask(task: Task): Promise<Told> {
  const worker = new Worker(new URL(import.meta.url), {
    workerData: task,
    resourceLimits: { maxOldGenerationSizeMb: MOST_MEGABYTES },
  });
  return new Promise((resolve) => {
    const patience = setTimeout(() => done({ problems: [`${task.policyFile}: not read within ${PATIENCE_MS / 1000} s`] }), PATIENCE_MS);
    const done = (told: Told): void => {
      clearTimeout(patience);
      resolve(told);
      void worker.terminate();
    };
    worker.once("message", (told: Told) => done(told));
    worker.once("error", (error) => done({ fault: error instanceof Error ? error.message : String(error) }));
    worker.once("exit", () => done({ fault: "the thread that reads documents ended" }));
  });
}

async function answer({ siteFile, policyFile }: Task): Promise<Told> {
  try {
    const { documents, failed } = await readDocuments(siteFile, policyFile);
    if (failed.length > 0) return { problems: failed };
    const { compiled: _, ...read } = documents;
    return { read };
  } catch (error) {
    if (error instanceof UserProblems) return { problems: error.lines };
    return { fault: error instanceof Error ? (error.stack ?? error.message) : String(error) };
  }
}

function isTask(data: unknown): data is Task {
  return typeof data === "object" && data !== null && "penstock" in data && data.penstock === "documents";
}

if (!isMainThread && isTask(workerData)) parentPort?.postMessage(await answer(workerData));
