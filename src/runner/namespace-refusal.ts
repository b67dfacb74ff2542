import { readFileSync } from 'node:fs'
import { byteStringToText } from '#util'
import { type IdMapping, isMapped } from './id-mapping.ts'
import type { OwnedEntry, RunJob, TreeSource } from './runner.ts'

export const MIB: number = 1024 * 1024
const PAGE_BYTES = 4096

/** A call of `mknod` for a device; pipes are for everybody. */
const MAKES_DEVICE = /\bmknod\b[^\n;&|]*\s[bcu]\s+\d/

/** Why a job cannot be done in namespaces with this mapping; undefined if it can. */
export function namespaceRefusal(job: RunJob, mapping: IdMapping): string | undefined {
  // A tree has many files and few owners.
  const [isUser, isGroup] = [
    remembered((id) => isMapped(mapping.uids, id)),
    remembered((id) => isMapped(mapping.gids, id)),
  ]
  for (const source of [job.base, job.upper]) {
    for (const entry of source?.entries ?? []) {
      const isOurs = isUser(entry.uid) && isGroup(entry.gid)
      if (isOurs && entry.type !== 'char' && entry.type !== 'block') continue
      const reason = refusedEntry(entry, mapping, source === job.base && job.view === 'image')
      if (reason !== undefined) return reason
    }
  }
  if (MAKES_DEVICE.test(job.script)) return 'the script makes a device with mknod, which a user namespace cannot'
  const tree = treeBytes(job.base) + treeBytes(job.upper)
  const { available, total } = memoryBytes()
  if (tree > available) {
    return `the tree is kept in memory: it has ${inMiB(tree)} MiB, and ${inMiB(available)} MiB are free`
  }
  const disk = (job.limits.diskMiB ?? 0) * MIB
  if (tree + disk > total) {
    return `the tree is kept in memory: with diskSize it may grow to ${inMiB(tree + disk)} MiB, and this machine has ${inMiB(total)} MiB`
  }
  return undefined
}

/** The room that a tree takes in memory. */
export function treeBytes(source: TreeSource | undefined): number {
  let bytes = 0
  for (const entry of source?.entries ?? []) {
    if (entry.type === 'file') bytes += Math.ceil(entry.size / PAGE_BYTES) * PAGE_BYTES
  }
  return bytes
}

/** Whether something stands where `/dev` will cover it. */
export function isBelowDev(entry: OwnedEntry): boolean {
  return entry.path.startsWith('dev/')
}

function remembered(ask: (id: number) => boolean): (id: number) => boolean {
  const answers = new Map<number, boolean>()
  return (id) => {
    let answer = answers.get(id)
    if (answer === undefined) answers.set(id, (answer = ask(id)))
    return answer
  }
}

function refusedEntry(entry: OwnedEntry, { uids, gids }: IdMapping, devIsCovered: boolean): string | undefined {
  if (devIsCovered && isBelowDev(entry)) return undefined
  const name = byteStringToText(entry.path)
  if (entry.type === 'char' || entry.type === 'block')
    return `"${name}" is a device, which a user namespace cannot make`
  if (isMapped(uids, entry.uid) && isMapped(gids, entry.gid)) return undefined
  const why =
    uids.length === 1 && uids[0]?.count === 1
      ? 'there is only the number 0: install uidmap, and give the user a range in /etc/subuid and /etc/subgid'
      : 'it is outside the range of numbers there are'
  return `"${name}" belongs to ${entry.uid}:${entry.gid}, and ${why}`
}

function memoryBytes(): { readonly available: number; readonly total: number } {
  const text = readFileSync('/proc/meminfo', 'utf8')
  const value = (key: string): number =>
    Number(new RegExp(String.raw`^${key}: +(\d+) kB$`, 'm').exec(text)?.[1] ?? 0) * 1024
  return { available: value('MemAvailable'), total: value('MemTotal') + value('SwapTotal') }
}

function inMiB(bytes: number): number {
  return Math.ceil(bytes / MIB)
}
