import { DockerToolsError } from '#errors'
import { byteStringToBytes, byteStringToText } from '#util'
import type { DiskNode } from './disk-node.ts'
import { contentBytes } from './disk-tree.ts'
import type { BlockRun, DiskWriter } from './disk-writer.ts'
import { encodeDirectory } from './encode-directory.ts'
import { encodeInode, encodeTime } from './encode-inode.ts'
import { BLOCK_BYTES, DIRECT_BLOCKS, INODE_BYTES, POINTERS_PER_BLOCK } from './ext2-format.ts'
import { type Geometry, groupTables } from './geometry.ts'

/** Writes files: contents and block numbers at once, inodes at the end. */
export class NodeWriter {
  readonly #disk: DiskWriter
  readonly #geometry: Geometry
  /** The inodes of each group. */
  readonly #tables = new Map<number, Buffer>()
  readonly #directories = new Map<number, number>()

  constructor(disk: DiskWriter, geometry: Geometry) {
    this.#disk = disk
    this.#geometry = geometry
  }

  /** Writes what needs no body: anything but a file, or an empty one. */
  writeNode(node: DiskNode): void {
    const content = this.#contentWriter(node)
    if (node.children !== undefined) {
      const group = this.#groupOf(node)
      this.#directories.set(group, this.directoriesIn(group) + 1)
      content.write(encodeDirectory(node))
    } else if (node.entry.type === 'symlink' && contentBytes(node) > 0) {
      content.write(byteStringToBytes(node.entry.target))
    }
    this.#setInode(node, content.end())
  }

  /** @throws {DockerToolsError} `FILE_CHANGED` if the body does not have the size of the entry. */
  async writeFile(node: DiskNode, body: AsyncIterable<Uint8Array>): Promise<void> {
    const content = this.#contentWriter(node)
    for await (const chunk of body) content.write(chunk)
    this.#setInode(node, content.end())
  }

  setTime(node: DiskNode, mtimeSeconds: number): void {
    encodeTime(this.#inode(node), mtimeSeconds)
  }

  directoriesIn(group: number): number {
    return this.#directories.get(group) ?? 0
  }

  finish(): void {
    for (const [group, table] of this.#tables) {
      this.#disk.put(groupTables(this.#geometry, group).inodeTable * BLOCK_BYTES, table)
    }
  }

  #contentWriter(node: DiskNode): ContentWriter {
    const blocks = Math.ceil(contentBytes(node) / BLOCK_BYTES)
    return new ContentWriter(this.#disk, node, [...this.#disk.allocate(blocks)])
  }

  #setInode(node: DiskNode, blocks: readonly number[]): void {
    const { roots, count } = this.#writePointers(blocks)
    encodeInode(this.#inode(node), node, roots, blocks.length + count)
  }

  #groupOf(node: DiskNode): number {
    return Math.floor((node.inode - 1) / this.#geometry.inodesPerGroup)
  }

  #inode(node: DiskNode): Buffer {
    const group = this.#groupOf(node)
    let table = this.#tables.get(group)
    if (table === undefined) {
      table = Buffer.alloc(this.#geometry.inodesPerGroup * INODE_BYTES)
      this.#tables.set(group, table)
    }
    const place = ((node.inode - 1) % this.#geometry.inodesPerGroup) * INODE_BYTES
    return table.subarray(place, place + INODE_BYTES)
  }

  /** Twelve block numbers stand in the inode, all others in blocks of block numbers, in up to three steps. */
  #writePointers(blocks: readonly number[]): { readonly roots: readonly number[]; readonly count: number } {
    const roots = blocks.slice(0, DIRECT_BLOCKS)
    let count = 0
    let position = DIRECT_BLOCKS
    for (let reach = POINTERS_PER_BLOCK; position < blocks.length; reach *= POINTERS_PER_BLOCK) {
      let level: readonly number[] = blocks.slice(position, position + reach)
      position += reach
      for (let step = POINTERS_PER_BLOCK; step <= reach; step *= POINTERS_PER_BLOCK) {
        level = this.#writeLevel(level)
        count += level.length
      }
      roots.push(level[0] ?? 0)
    }
    return { roots, count }
  }

  #writeLevel(numbers: readonly number[]): readonly number[] {
    const runs = this.#disk.allocate(Math.ceil(numbers.length / POINTERS_PER_BLOCK))
    const blocks = runs.flatMap(blocksIn).toArray()
    for (const [index, block] of blocks.entries()) {
      const bytes = Buffer.alloc(BLOCK_BYTES)
      const start = index * POINTERS_PER_BLOCK
      for (const [place, number] of numbers.slice(start, start + POINTERS_PER_BLOCK).entries()) {
        bytes.writeUInt32LE(number, place * 4)
      }
      this.#disk.put(block * BLOCK_BYTES, bytes)
    }
    return blocks
  }
}

/** Lays a content into the blocks that are set apart for it. */
class ContentWriter {
  readonly #disk: DiskWriter
  readonly #node: DiskNode
  readonly #runs: readonly BlockRun[]
  #seen = 0
  #run = 0
  #inRun = 0

  constructor(disk: DiskWriter, node: DiskNode, runs: readonly BlockRun[]) {
    this.#disk = disk
    this.#node = node
    this.#runs = runs
  }

  write(chunk: Uint8Array): void {
    this.#seen += chunk.length
    if (this.#seen > contentBytes(this.#node)) throw this.#wrongSize()
    this.#place(chunk)
  }

  /** @returns The block of each piece of the content. */
  end(): readonly number[] {
    if (this.#seen < contentBytes(this.#node)) throw this.#wrongSize()
    const padding = (BLOCK_BYTES - (this.#seen % BLOCK_BYTES)) % BLOCK_BYTES
    this.#place(new Uint8Array(padding))
    return this.#runs.flatMap((run) => [...blocksIn(run)])
  }

  #place(bytes: Uint8Array): void {
    let done = 0
    for (let run = this.#runs[this.#run]; run !== undefined && done < bytes.length; run = this.#runs[this.#run]) {
      const part = bytes.subarray(done, done + run.count * BLOCK_BYTES - this.#inRun)
      this.#disk.put(run.first * BLOCK_BYTES + this.#inRun, part)
      done += part.length
      this.#inRun += part.length
      if (this.#inRun < run.count * BLOCK_BYTES) continue
      this.#run++
      this.#inRun = 0
    }
  }

  #wrongSize(): DockerToolsError {
    const name = byteStringToText(this.#node.entry.path)
    return new DockerToolsError(
      'FILE_CHANGED',
      `Cannot put "${name}" on a disk: its content has another size than ${contentBytes(this.#node)} bytes`,
      { hint: 'Let nothing write to the file while it is read' },
    )
  }
}

function* blocksIn({ first, count }: BlockRun): Generator<number> {
  for (let block = first; block < first + count; block++) yield block
}
