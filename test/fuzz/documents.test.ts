/** Readers of documents that people write, guided: their share of the minute (minute.ts). */
import { DOCUMENTS, shareOfMinute } from "./minute.ts";

shareOfMinute("fuzz/documents", DOCUMENTS);
