/** What layering has to know of a store path. Any graph with these fields will do; more fields do no harm. */
export interface LayeringNode {
  /** The full store path. It names the node and has to be unique in its graph. */
  readonly path: string
  /** Full store paths this one refers to. All of them are nodes of the same graph; the path itself may be among them. */
  readonly references: readonly string[]
  /** The size of the path's NAR in bytes. */
  readonly narSize: number
}
