import type { IndexedGraph } from './indexed-graph.ts'

/** The groups of nodes that reach each other; a node on no cycle is a group of its own. */
export interface StrongComponents {
  readonly count: number
  /** The component of each node. A component refers only to components with smaller numbers. */
  readonly componentOf: Int32Array
}

/**
 * Finds the strongly connected components by Tarjan's algorithm, with a stack
 * of its own: a chain of 100,000 paths is 100,000 levels deep.
 *
 * @see https://doi.org/10.1137/0201010
 */
export function strongComponents({ paths, offsets, targets }: IndexedGraph): StrongComponents {
  const size = paths.length
  const componentOf = new Int32Array(size).fill(-1)
  const order = new Int32Array(size).fill(-1)
  const lowest = new Int32Array(size)
  const nextEdge = offsets.slice(0, size)
  const open: number[] = []
  const trail: number[] = []
  let visited = 0
  let count = 0

  const enter = (node: number): void => {
    order[node] = lowest[node] = visited++
    open.push(node)
    trail.push(node)
  }
  const close = (node: number): void => {
    let member
    do {
      member = open.pop()!
      componentOf[member] = count
    } while (member !== node)
    count++
  }

  for (let start = 0; start < size; start++) {
    if (order[start] !== -1) continue
    enter(start)
    while (trail.length > 0) {
      const node = trail.at(-1)!
      if (nextEdge[node]! < offsets[node + 1]!) {
        const target = targets[nextEdge[node]!++]!
        if (order[target] === -1) enter(target)
        else if (componentOf[target] === -1) lowest[node] = Math.min(lowest[node]!, order[target]!)
        continue
      }
      trail.pop()
      const parent = trail.at(-1)
      if (parent !== undefined) lowest[parent] = Math.min(lowest[parent]!, lowest[node]!)
      if (lowest[node] === order[node]) close(node)
    }
  }
  return { count, componentOf }
}
