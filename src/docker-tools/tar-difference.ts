import { readTar, type TarHeader } from '#tar'
import { byteStringToText } from '#util'
import { firstDifferentByte } from './first-different-byte.ts'

/** The first thing in which two tars differ, in words; undefined where there is none. */
export async function tarDifference(
  before: AsyncIterable<Uint8Array>,
  after: AsyncIterable<Uint8Array>,
): Promise<string | undefined> {
  const rest = readTar(after)
  try {
    for await (const old of readTar(before)) {
      const name = byteStringToText(old.header.path)
      const { value: now } = await rest.next()
      if (now === undefined) return `"${name}" is missing now`
      const other = byteStringToText(now.header.path)
      if (name !== other) return `"${name}" is there before, "${other}" in its place now`
      const field = differentField(old.header, now.header)
      if (field !== undefined) return `"${name}" has another ${field} now`
      const at = await firstDifferentByte(old.body(), now.body())
      if (at !== undefined) return `"${name}" differs at byte ${at}, counted from 0`
    }
    const { value: more } = await rest.next()
    return more === undefined ? undefined : `"${byteStringToText(more.header.path)}" is new`
  } finally {
    await rest.return(undefined)
  }
}

function differentField(old: TarHeader, now: TarHeader): string | undefined {
  const [left, right] = [Object.entries(old), new Map<string, unknown>(Object.entries(now))]
  return left.find(([name, value]) => name !== 'paxRecords' && value !== right.get(name))?.[0]
}
