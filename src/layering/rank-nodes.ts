import type { IndexedGraph } from './indexed-graph.ts'
import { strongComponents } from './strong-components.ts'

/**
 * A graph made free of cycles and sorted: users come before what they use. Each
 * cycle (strongly connected component) has become one rank.
 */
export interface Ranking {
  /** The number of ranks. */
  readonly size: number
  /** The rank of each node. */
  readonly rankOf: Int32Array
  /** 1 for a single node that nothing else refers to. A cycle is no root, whoever refers to it. */
  readonly isRoot: Uint8Array
  /** `users[userOffsets[r]]` up to `users[userOffsets[r + 1]]` are the ranks that refer to rank `r`. */
  readonly userOffsets: Int32Array
  readonly users: Int32Array
}

/** Sorts the nodes of `graph` topologically. */
export function rankNodes(graph: IndexedGraph): Ranking {
  const { count: size, componentOf } = strongComponents(graph)
  const rankOf = componentOf.map((component) => size - 1 - component)
  const members = new Int32Array(size)
  for (const rank of rankOf) members[rank]!++

  const userOffsets = new Int32Array(size + 1)
  forEachReference(graph, rankOf, (_user, used) => userOffsets[used + 1]!++)
  const isRoot = Uint8Array.from(members, (count, rank) => Number(count === 1 && userOffsets[rank + 1] === 0))
  for (let rank = 0; rank < size; rank++) userOffsets[rank + 1]! += userOffsets[rank]!
  const users = new Int32Array(userOffsets[size]!)
  const next = userOffsets.slice()
  forEachReference(graph, rankOf, (user, used) => {
    users[next[used]!++] = user
  })
  return { size, rankOf, isRoot, userOffsets, users }
}

/** Calls `visit` for each reference between two ranks. */
function forEachReference(
  { paths, offsets, targets }: IndexedGraph,
  rankOf: Int32Array,
  visit: (user: number, used: number) => void,
): void {
  for (let node = 0; node < paths.length; node++) {
    const user = rankOf[node]!
    for (let edge = offsets[node]!; edge < offsets[node + 1]!; edge++) {
      const used = rankOf[targets[edge]!]!
      if (used !== user) visit(user, used)
    }
  }
}
