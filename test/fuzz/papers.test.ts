/** Readers of certificates, keys, logs and questions, guided: their share of the minute (minute.ts). */
import { PAPERS, shareOfMinute } from "./minute.ts";

shareOfMinute("fuzz/papers", PAPERS);
