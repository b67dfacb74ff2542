import { readFileSync } from 'node:fs'
import { userInfo } from 'node:os'

/** One row of a user namespace's map: `count` numbers from `inside` on are `outside` and those behind it. */
export interface IdRange {
  readonly inside: number
  readonly outside: number
  readonly count: number
}

/** How the numbers of users and groups in a namespace are those outside. */
export interface IdMapping {
  readonly uids: readonly IdRange[]
  readonly gids: readonly IdRange[]
  /** Who may write it: the process itself, or only the programs `newuidmap` and `newgidmap`. */
  readonly writer: 'self' | 'newuidmap'
}

/** Linux counts in 32 bits, and the last number is none. */
const ID_COUNT = 2 ** 32 - 1

/**
 * The mapping that this process can have with the most numbers in it.
 *
 * - root gives numbers that nobody has, so that who is root in there is nobody here: all from 2^31 on, where it has
 *   them itself;
 * - an ordinary user is root inside, and has the subordinate numbers of `/etc/subuid` besides, where there are some.
 */
export function findIdMapping(hasNewuidmap: boolean): IdMapping {
  if (process.getuid?.() === 0) {
    const uids = numbersOfRoot(readFileSync('/proc/self/uid_map', 'utf8'))
    const gids = numbersOfRoot(readFileSync('/proc/self/gid_map', 'utf8'))
    return { uids, gids, writer: 'self' }
  }
  const uid = process.getuid?.() ?? 0
  const gid = process.getgid?.() ?? 0
  const subUids = hasNewuidmap ? subordinateRanges('/etc/subuid', uid) : []
  const subGids = hasNewuidmap ? subordinateRanges('/etc/subgid', uid) : []
  if (subUids.length === 0 || subGids.length === 0) return { uids: alone(uid), gids: alone(gid), writer: 'self' }
  return {
    uids: [...alone(uid), ...consecutive(subUids)],
    gids: [...alone(gid), ...consecutive(subGids)],
    writer: 'newuidmap',
  }
}

/** Whether a number means somebody inside. */
export function isMapped(ranges: readonly IdRange[], id: number): boolean {
  return ranges.some(({ inside, count }) => id >= inside && id < inside + count)
}

/** The rows as `/proc/PID/uid_map` takes them. */
export function formatIdRanges(ranges: readonly IdRange[]): string {
  return ranges.map(({ inside, outside, count }) => `${inside} ${outside} ${count}\n`).join('')
}

/**
 * The largest range of numbers that root has here, without 0. In a container it has not all of them, and where 0 is the
 * only one, it is that.
 */
export function numbersOfRoot(map: string): IdRange[] {
  let best: IdRange | undefined
  for (const line of map.split('\n')) {
    const [inside = Number.NaN, , count = 0] = line.trim().split(/\s+/).map(Number)
    if (Number.isNaN(inside) || line.trim() === '') continue
    const first = Math.max(1, inside)
    const last = Math.min(inside + count, ID_COUNT)
    const range = first === 1 && last === ID_COUNT ? 2 ** 31 : first
    if (last - range > (best?.count ?? 0)) best = { inside: 0, outside: range, count: last - range }
  }
  return best === undefined ? alone(0) : [best]
}

function alone(outside: number): IdRange[] {
  return [{ inside: 0, outside, count: 1 }]
}

function subordinateRanges(file: string, uid: number): { readonly start: number; readonly count: number }[] {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch {
    // Without the file, or the right to read it, there are none.
    return []
  }
  return parseSubordinateRanges(text, [userName(), String(uid)])
}

/** The rows `NAME:START:COUNT` of these owners. */
export function parseSubordinateRanges(
  text: string,
  owners: readonly (string | undefined)[],
): { readonly start: number; readonly count: number }[] {
  return text.split('\n').flatMap((line) => {
    const [owner, start, count] = line.split(':')
    const isOurs = owner !== undefined && owners.includes(owner)
    return isOurs && /^\d{1,10}$/.test(start ?? '') && /^\d{1,10}$/.test(count ?? '') && Number(count) > 0
      ? [{ start: Number(start), count: Number(count) }]
      : []
  })
}

/** Some users have a number and no name. */
function userName(): string | undefined {
  try {
    return userInfo().username
  } catch {
    return undefined
  }
}

/** Number 1 inside is the first of the first range, and so on without gaps. */
function consecutive(ranges: readonly { readonly start: number; readonly count: number }[]): IdRange[] {
  let inside = 1
  return ranges.map(({ start, count }) => {
    const range = { inside, outside: start, count }
    inside += count
    return range
  })
}
