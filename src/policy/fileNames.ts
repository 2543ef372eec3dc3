/** Patterns of file names: `*` is any run of characters within one part of a path. No pattern language of the platform: it is the same everywhere. */

/** Linear in the name for each `*`: what a peer sends makes no work. */
export function matchesName(pattern: string, name: string): boolean {
  let p = 0;
  let n = 0;
  let star = -1;
  let from = 0;
  while (n < name.length) {
    if (pattern[p] === "*") {
      star = p;
      from = n;
      p += 1;
    } else if (pattern[p] === name[n]) {
      p += 1;
      n += 1;
    } else if (star >= 0 && name[from] !== "/") {
      // The star takes one more.
      from += 1;
      n = from;
      p = star + 1;
    } else return false;
  }
  while (pattern[p] === "*") p += 1;
  return p === pattern.length;
}
