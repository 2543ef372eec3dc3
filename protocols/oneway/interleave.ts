/**
 * Which block, and which shard of it, a frame of a group is. `depth` blocks are sent as one group, their shards in turn, so that frames lost in
 * a row are spread over all of them. With depth 3, blocks a, b and c, k = 2 and m = 1:
 *
 *     place      0   1   2   3   4   5 | 6   7   8
 *     frame     a0  b0  c0  a1  b1  c1 | a2  b2  c2
 *               sources                | repair
 *
 * INVARIANT: frame at place p is of block p mod depth. So of any m x depth frames in a row at most m are of one block, wherever they begin: among
 * sources, among repair frames, across the border of the two, or in the group before.
 *
 * A group may be closed early, after fewer sources. Its repair frames follow at once and take the turns up where the sources left off, so that
 * the invariant holds; the sources that never came count as zeros (reedSolomon.ts). Both ends then know how many came.
 */
export class Interleave {
  readonly k: number;
  readonly m: number;
  readonly depth: number;
  /** Sources of a whole group. */
  readonly sources: number;
  /** Frames of a whole group. */
  readonly frames: number;

  /** @throws RangeError unless 1 <= k, 0 <= m and 1 <= depth, all whole */
  constructor(k: number, m: number, depth: number) {
    if (!Number.isInteger(k) || !Number.isInteger(m) || !Number.isInteger(depth) || k < 1 || m < 0 || depth < 1)
      throw new RangeError(`no group of ${depth} blocks of ${k} + ${m} shards`);
    this.k = k;
    this.m = m;
    this.depth = depth;
    this.sources = k * depth;
    this.frames = (k + m) * depth;
  }

  /** Frames lost in a row, nothing else being lost, that every block of a whole group survives. */
  get longestBurst(): number {
    return this.m * this.depth;
  }

  /** @param place  of the frame in its group, from 0 */
  blockOf(place: number): number {
    return place % this.depth;
  }

  /**
   * @param sources  of the group that came: fewer than all where it was closed early
   * @returns        0..k-1 of a source, k..k+m-1 of a repair shard
   */
  shardOf(place: number, sources = this.sources): number {
    const turn = Math.floor(place / this.depth);
    return place < sources ? turn : this.k + turn - this.sourcesOf(this.blockOf(place), sources);
  }

  /** Where shard `shard` of block `block` stands: the other way round. A source that never came stands nowhere, and is not asked for. */
  placeOf(block: number, shard: number, sources = this.sources): number {
    const turn = shard < this.k ? shard : shard - this.k + this.sourcesOf(block, sources);
    return turn * this.depth + block;
  }

  /**
   * How many of the group's sources are of this block. Where none is, its repair shards are zeros and need not be sent; then a burst of m frames
   * for each block that has any is survived.
   */
  sourcesOf(block: number, sources = this.sources): number {
    return Math.floor((sources - block + this.depth - 1) / this.depth);
  }
}
