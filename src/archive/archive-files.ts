import type { Compression } from '#compress'
import type { ImageFiles, StoredFile } from './image-files.ts'
import type { MemberTable } from './member-table.ts'
import type { RandomAccess } from './random-access.ts'
import { safeName } from './safe-name.ts'

/** The members of a tar as files of an image. */
export class ArchiveFiles implements ImageFiles {
  readonly members: MemberTable
  readonly access: RandomAccess
  readonly #what: string

  constructor(access: RandomAccess, members: MemberTable, what: string) {
    this.access = access
    this.members = members
    this.#what = what
  }

  /** How the archive is compressed as a whole. */
  get compression(): Compression {
    return this.access.compression
  }

  has(name: string): Promise<boolean> {
    return Promise.resolve(this.members.has(name))
  }

  file(name: string): Promise<StoredFile> {
    return new Promise((resolve) => resolve(this.#open(name)))
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve(this.access[Symbol.asyncDispose]())
  }

  #open(name: string): StoredFile {
    const member = this.members.file(safeName(name, this.#what))
    const { size } = member.header
    return {
      size,
      stream: () => this.access.stream(member.bodyOffset, size),
      readNow: (target, offset) => this.access.readNow(target, member.bodyOffset + offset),
      read: (offset, length) => {
        const wanted = Math.max(0, Math.min(length, size - offset))
        return this.access.read(member.bodyOffset + offset, wanted)
      },
    }
  }
}
