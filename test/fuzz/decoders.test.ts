/** Decoders, guided: their share of the minute (minute.ts). */
import { DECODERS, shareOfMinute } from "./minute.ts";

shareOfMinute("fuzz/decoders", DECODERS);
