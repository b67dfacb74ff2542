import { closeSync, existsSync, mkdirSync, openSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

/** A control group that a script joins, so that its memory has a limit. */
export interface MemoryGroup extends AsyncDisposable {
  /** An open file: a process that writes `0` to it joins the group. */
  readonly joinDescriptor: number
  /** Bytes of memory, without files, that its processes use now. */
  usedBytes(): number
  /** Whether the system has ended one of its processes for want of memory. */
  hasKilled(): boolean
}

interface Hierarchy {
  readonly folder: string
  readonly limitFile: string
  readonly eventsFile: string
  readonly usedKey: string
  readonly usedFile: string
}

let count = 0

/**
 * Makes a control group for one script.
 *
 * Files that the script writes are kept in memory and count too, so the
 * system's limit is `limitBytes` and those together: `usedBytes()` tells the memory of processes alone.
 *
 * @returns The group, or why there is none here.
 */
export function makeMemoryGroup(limitBytes: number, fileBytes: number): MemoryGroup | string {
  const places = hierarchies(readGroups())
  if (places.length === 0) return 'there is no control group for memory'
  let reason = ''
  for (const place of places) {
    const folder = join(place.folder, `dockertools-${process.pid}-${++count}`)
    try {
      mkdirSync(folder)
      writeFileSync(join(folder, place.limitFile), String(limitBytes + fileBytes))
      return groupAt(folder, place)
    } catch (error) {
      reason ||= error instanceof Error ? error.message : String(error)
      removeGroup(folder)
    }
  }
  return reason
}

function groupAt(folder: string, place: Hierarchy): MemoryGroup {
  const joinDescriptor = openSync(join(folder, 'cgroup.procs'), 'w')
  return {
    joinDescriptor,
    usedBytes: () => numberAfter(place.usedKey, readText(join(folder, place.usedFile))),
    hasKilled: () => numberAfter('oom_kill', readText(join(folder, place.eventsFile))) > 0,
    // oxlint-disable-next-line require-await -- the folder is gone at once
    [Symbol.asyncDispose]: async () => {
      closeSync(joinDescriptor)
      removeGroup(folder)
    },
  }
}

/** Where a group may be made, best first: `/proc/self/cgroup` names ours in each hierarchy. */
function hierarchies(groups: string): Hierarchy[] {
  const found: Hierarchy[] = []
  for (const line of groups.split('\n')) {
    const [, controllers, path] = /^\d+:([^:]*):(\/.*)$/.exec(line) ?? []
    if (path === undefined) continue
    if (controllers === '') {
      const own = join('/sys/fs/cgroup', path)
      // A group with processes in it cannot have groups below it that limit memory; a neighbour can.
      for (const folder of path === '/' ? [own] : [dirname(own), own]) {
        if (!/\bmemory\b/.test(readText(join(folder, 'cgroup.subtree_control')))) continue
        found.push({
          folder,
          limitFile: 'memory.max',
          eventsFile: 'memory.events',
          usedKey: 'anon',
          usedFile: 'memory.stat',
        })
      }
    } else if (controllers?.split(',').includes('memory') === true) {
      const folder = join('/sys/fs/cgroup/memory', path)
      if (!existsSync(folder)) continue
      found.push({
        folder,
        limitFile: 'memory.limit_in_bytes',
        eventsFile: 'memory.oom_control',
        usedKey: 'total_rss',
        usedFile: 'memory.stat',
      })
    }
  }
  return found
}

function readGroups(): string {
  return readText('/proc/self/cgroup')
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    // Not there, or not for us: then it says nothing.
    return ''
  }
}

function numberAfter(key: string, text: string): number {
  return Number(new RegExp(String.raw`^${key} (\d+)$`, 'm').exec(text)?.[1] ?? 0)
}

function removeGroup(folder: string): void {
  try {
    rmdirSync(folder)
  } catch {
    // It was not made, or a process that is about to end is still in it; an empty group costs nothing.
  }
}
