/** The file operations of this room: those of the evidence, and what a reader needs. Tests hand in their own to record, tear and fail them. */
import * as fs from "node:fs";
import { type Files, realFiles } from "#disk/files";

/** A file's size, and which file it is: another one under the same name is another place. */
export interface Looked {
  readonly octets: number;
  readonly place: string;
}

export interface Disk extends Files {
  /** At most `most` octets from `from` on; fewer at the file's end. */
  part(file: string, from: number, most: number): Promise<Uint8Array>;
  /** null: there is no such file. */
  look(file: string): Promise<Looked | null>;
}

export const realDisk: Disk = {
  ...realFiles,
  async part(file, from, most) {
    const handle = await fs.promises.open(file, "r");
    try {
      const octets = new Uint8Array(most);
      let filled = 0;
      while (filled < most) {
        const { bytesRead } = await handle.read(octets, filled, most - filled, from + filled);
        if (bytesRead === 0) break;
        filled += bytesRead;
      }
      return octets.subarray(0, filled);
    } finally {
      await handle.close();
    }
  },
  async look(file) {
    try {
      const { size, dev, ino } = await fs.promises.stat(file);
      return { octets: size, place: `${dev}:${ino}` };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
      throw error;
    }
  },
};
