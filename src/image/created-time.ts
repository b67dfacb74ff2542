import { DockerToolsError } from '#errors'
import { parsePythonIsoTime, type Timestamp } from './python-time.ts'

/** What `created` and `mtime` may be: `now`, or a point in time. */
export type TimeArgument = 'now' | Timestamp

const AT_SECONDS = /^@(-?\d{1,12})$/
const FORM = 'ISO 8601 (a date, or date and time with fraction or offset), "@SECONDS", or "now"'

/**
 * Reads the `created` and `mtime` arguments of the layered functions: ISO 8601,
 * `@SECONDS` or `now`. The result is in UTC with fractions cut off, as upstream's
 * call of `date -Iseconds` leaves it.
 *
 * @throws {DockerToolsError} `DEFINITION_INVALID` for any other text.
 */
export function parseTimeArgument(text: string, argument: string): TimeArgument {
  if (text === 'now') return 'now'
  const at = AT_SECONDS.exec(text)
  if (at !== null) return timestampOfSeconds(Number(at[1]), argument)
  try {
    const { seconds } = parsePythonIsoTime(text, argument)
    const fraction = /[.,]\d*[1-9]/.test(text)
    // `date` cuts a fraction off downwards, Python towards zero: they part before 1970.
    return timestampOfSeconds(seconds < 0 && fraction ? seconds - 1 : seconds, argument)
  } catch (error) {
    throw new DockerToolsError('DEFINITION_INVALID', `Cannot use "${text}" as ${argument}: it should be ${FORM}`, {
      cause: error,
    })
  }
}

/** A whole second in UTC. */
export function timestampOfSeconds(seconds: number, argument: string): Timestamp {
  const date = new Date(seconds * 1000)
  const year = Number.isNaN(date.getTime()) ? 0 : date.getUTCFullYear()
  if (year < 1 || year > 9999) {
    throw new DockerToolsError(
      'DEFINITION_INVALID',
      `Cannot use ${seconds} seconds as ${argument}: the year should be 1 to 9999`,
    )
  }
  return { isoFormat: `${date.toISOString().slice(0, 19)}+00:00`, seconds }
}

/** The present as upstream prints it, with microseconds where there are some. */
export function timestampOfNow(milliseconds: number): Timestamp {
  const iso = new Date(milliseconds).toISOString()
  const fraction = iso.slice(20, 23)
  return {
    isoFormat: `${iso.slice(0, 19)}${fraction === '000' ? '' : `.${fraction}000`}+00:00`,
    seconds: Math.floor(milliseconds / 1000),
  }
}
