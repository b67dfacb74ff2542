/**
 * File trees: listing what is on disk in a defined order, joining trees by
 * symlinks, and copying them over each other. Knows nothing of archives, and
 * follows no symlink.
 *
 * @see https://gitlab.freedesktop.org/xorg/util/lndir
 */
export { type CopiedEntry, CopiedTree } from './copied-tree.ts'
export type { FileBody } from './file-body.ts'
export { joinTrees, type JoinCollision, type JoinedEntry, type JoinedTree, type JoinSource } from './join-trees.ts'
export { materialize } from './materialize.ts'
export { sortNames, type TreeOrder } from './name-order.ts'
export { scanTree, type ScannedEntry } from './scan-tree.ts'
export { unpackTree } from './unpack-tree.ts'
export { treeEntries } from './tree-entries.ts'
export type { TreeEntry, TreeKind } from './tree-entry.ts'
