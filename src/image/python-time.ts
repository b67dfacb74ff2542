import { DockerToolsError } from '#errors'

/** A point in time as upstream's conf holds it: what it prints as, and the whole seconds a tar header gets. */
export interface Timestamp {
  /** Python's `isoformat`: microseconds only where there are some, the offset as it was given. */
  readonly isoFormat: string
  /** Seconds since 1970, cut towards zero as Python's `int()` cuts. May be negative. */
  readonly seconds: number
}

// Calendar date, then optionally any one character, a time, and an offset; with or without separators, as `fromisoformat` takes them.
const ISO =
  /^(\d{4})(-?)(\d\d)\2(\d\d)(?:.(\d\d)(?:(:?)(\d\d)(?:\6(\d\d)(?:[.,](\d+))?)?)?(Z|[+-]\d\d(?::?\d\d(?::?\d\d(?:\.\d+)?)?)?)?)?$/su

/**
 * Reads a time as Python's `datetime.fromisoformat` does (3.11 and later), so
 * that a conf written for upstream's stream script means the same here.
 *
 * A time without an offset is taken as UTC: upstream takes the machine's zone,
 * which is UTC wherever it runs.
 *
 * @throws {DockerToolsError} `DEFINITION_INVALID` for any other text, and for days that are not in the calendar.
 */
export function parsePythonIsoTime(text: string, what: string): Timestamp {
  const match = ISO.exec(text)
  const parsed = match === null ? undefined : toTimestamp(match)
  if (parsed === undefined) {
    throw new DockerToolsError('DEFINITION_INVALID', `Cannot read ${what}: "${text}" should be a time in ISO 8601`, {
      hint: 'For example 2024-02-29T12:34:56+00:00',
    })
  }
  return parsed
}

function toTimestamp(match: RegExpExecArray): Timestamp | undefined {
  const [year, month, day, hour, minute, second] = [1, 3, 4, 5, 7, 8].map((group) => Number(match[group] ?? 0)) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ]
  if (year === 0 || hour > 23 || minute > 59 || second > 59) return undefined
  const microseconds = Number((match[9] ?? '').slice(0, 6).padEnd(6, '0'))
  const offset = match[10] === undefined ? undefined : parseOffset(match[10])
  if (offset === null) return undefined
  const date = new Date(0)
  date.setUTCFullYear(year, month - 1, day)
  if (date.getUTCMonth() !== month - 1 || date.getUTCDate() !== day) return undefined
  const exact = date.getTime() / 1000 + hour * 3600 + minute * 60 + second + microseconds / 1e6 - (offset?.seconds ?? 0)
  const fraction = microseconds === 0 ? '' : `.${String(microseconds).padStart(6, '0')}`
  const clock = [hour, minute, second].map(twoDigits).join(':')
  return {
    isoFormat: `${match[1]}-${match[3]}-${match[4]}T${clock}${fraction}${offset?.text ?? ''}`,
    seconds: Math.trunc(exact),
  }
}

function parseOffset(text: string): { readonly text: string; readonly seconds: number } | null {
  if (text === 'Z') return { text: '+00:00', seconds: 0 }
  const digits = text.slice(1).replaceAll(':', '')
  const [hours, minutes, seconds] = [digits.slice(0, 2), digits.slice(2, 4), digits.slice(4, 6)].map(Number) as [
    number,
    number,
    number,
  ]
  if (hours > 23 || minutes > 59 || seconds > 59 || digits.includes('.')) return null
  const sign = text.startsWith('-') ? -1 : 1
  const total = sign * (hours * 3600 + minutes * 60 + seconds)
  const printedSign = total === 0 ? '+' : text.charAt(0)
  const printed = `${printedSign}${twoDigits(hours)}:${twoDigits(minutes)}`
  return { text: seconds === 0 ? printed : `${printed}:${twoDigits(seconds)}`, seconds: total }
}

function twoDigits(value: number): string {
  return String(value).padStart(2, '0')
}
